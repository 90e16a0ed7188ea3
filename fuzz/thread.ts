// One thread that fuzzes one target, and whoever watches it.
import { Worker } from 'node:worker_threads';
import { bundle } from './bundle.ts';
import { loadTarget } from './targets.ts';
import type { Report, Work } from './worker.ts';

/** Milliseconds an input may take; less where the parser's thread may be ended for it. */
const longest = 5000;
const longestContained = 300;

export interface Finding {
  message: string;
  input: Uint8Array;
}

export interface Found {
  inputs: number;
  /** Whether the thread had to be ended. */
  ended: boolean;
  accepted: number;
  outcomes: number;
  finding: Finding | null;
}

type Amount = Pick<Work, 'inputs' | 'seconds'>;

let bundled: Promise<string> | null = null;

/** Runs one thread over one target; resolves with what became of it. */
async function runThread(
  target: string,
  amount: Amount,
  seed: number,
  patience: number,
): Promise<Found> {
  bundled ??= bundle();
  const state = new SharedArrayBuffer(16);
  const current = new SharedArrayBuffer(1 << 20);
  const work: Work = { target, ...amount, seed, state, current };
  const worker = new Worker(await bundled, {
    workerData: work,
    resourceLimits: { maxOldGenerationSizeMb: 1024 },
  });
  const at = new BigInt64Array(state);
  const input = () => new Uint8Array(current).slice(0, Number(Atomics.load(at, 1)));
  return new Promise((resolve) => {
    const end = (found: Found) => {
      clearInterval(watch);
      void worker.terminate();
      resolve(found);
    };
    const fail = (message: string, bytes: Uint8Array, ended = true) =>
      end({
        inputs: Number(Atomics.load(at, 0)) + 1,
        ended,
        accepted: 0,
        outcomes: 0,
        finding: { message, input: bytes },
      });
    let last = -1n;
    let since = performance.now();
    const watch = setInterval(() => {
      const now = Atomics.load(at, 0);
      // The time that the thread takes to start is not the parser's.
      if (now !== last || Atomics.load(at, 1) === 0n) [last, since] = [now, performance.now()];
      else if (performance.now() - since > patience) fail(`no answer in ${patience} ms`, input());
    }, 50);
    worker.on('message', (report: Report) => {
      if (report.kind === 'finding') fail(report.message, report.input, false);
      else end({ ...report, ended: false, finding: null });
    });
    worker.on('error', (error) => fail(`the thread ended: ${error.message}`, input()));
    worker.on('exit', (code) => fail(`the thread ended with code ${code}`, input()));
  });
}

/**
 * Runs one target in one thread with seeds that `nextSeed` gives. Where its parser is contained, a
 * thread that ended is counted and followed by another.
 */
export async function fuzz(
  name: string,
  { inputs, seconds }: Amount,
  nextSeed: () => number,
): Promise<Omit<Found, 'ended'> & { ends: number }> {
  const { contained = false } = await loadTarget(name);
  const patience = contained ? longestContained : longest;
  const total = { inputs: 0, accepted: 0, outcomes: 0, ends: 0 };
  const until = performance.now() + 1000 * seconds;
  for (;;) {
    const left = { inputs: inputs - total.inputs, seconds: (until - performance.now()) / 1000 };
    const found = await runThread(name, left, nextSeed(), patience);
    total.inputs += found.inputs;
    total.accepted += found.accepted;
    total.outcomes = Math.max(total.outcomes, found.outcomes);
    if (!contained || !found.ended) return { ...total, finding: found.finding };
    total.ends++;
    if (total.inputs >= inputs || performance.now() > until) return { ...total, finding: null };
  }
}
