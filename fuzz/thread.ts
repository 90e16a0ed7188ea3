// One thread, or process, that fuzzes one target, and whoever watches it.
import { fork } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { bundle } from './bundle.ts';
import { makePlace, Place, type PlaceData } from './place.ts';
import { loadTarget } from './targets.ts';
import type { Kept, Report, Work } from './worker.ts';

/** Milliseconds an input may take; less where the parser's thread may be ended for it. */
const longest = 5000;
const longestContained = 40;
const glance = 10;

const memory = 1024; // MiB of JavaScript's

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

/** What works on inputs. */
interface Runner {
  end(): void;
  onReport(hear: (report: Report) => void): void;
  /** Hears why it ended, also where it was done. */
  onEnd(hear: (reason: string) => void): void;
}

function startThread(file: string, work: Work): Runner {
  const limits = { maxOldGenerationSizeMb: memory };
  const worker = new Worker(file, { workerData: work, resourceLimits: limits });
  return {
    end: () => void worker.terminate(),
    onReport: (hear) => worker.on('message', hear),
    onEnd(hear) {
      worker.on('error', (error) => hear(`the thread ended: ${error.message}`));
      worker.on('exit', (code) => hear(`the thread ended with code ${code}`));
    },
  };
}

/** A process: what a fault in native code ends. */
function startProcess(file: string, work: Work): Runner {
  const child = fork(file, [], {
    execArgv: [`--max-old-space-size=${memory}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
  let said = '';
  child.stderr?.on('data', (bytes) => {
    said = `${said}${bytes}`.slice(-4000);
  });
  child.send(work);
  return {
    end: () => void child.kill('SIGKILL'),
    onReport: (hear) => child.on('message', (report) => hear(report as Report)),
    onEnd: (hear) =>
      child.on('close', (code, signal) =>
        hear(`the process ended with ${signal ?? code}: ${said}`),
      ),
  };
}

let bundled: Promise<string> | null = null;

/** A place for a worker; in a file where it is a process. */
function placeFor(seed: number, isProcess: boolean): PlaceData {
  if (!isProcess) return makePlace(null);
  const folder = join(import.meta.dirname, '../.cache/fuzz');
  mkdirSync(folder, { recursive: true });
  return makePlace(join(folder, `place-${process.pid}-${seed}`));
}

/** Runs one worker over one target; resolves with what became of it. */
async function runWorker(
  target: string,
  amount: Amount,
  seed: number,
  { patience, isProcess, kept }: { patience: number; isProcess: boolean; kept: Kept[] },
): Promise<Found> {
  bundled ??= bundle();
  const data = placeFor(seed, isProcess);
  const place = new Place(data);
  const work: Work = { target, ...amount, seed, place: data, kept };
  const runner = (isProcess ? startProcess : startThread)(await bundled, work);
  return new Promise((resolve) => {
    let over = false;
    const end = (found: Found) => {
      over = true;
      clearInterval(watch);
      runner.end();
      if (typeof data === 'string') rmSync(data, { force: true });
      resolve(found);
    };
    const fail = (message: string, given?: Uint8Array) => {
      if (over) return;
      const { done = 0, accepted = 0, input = new Uint8Array(0) } = place.read() ?? {};
      const finding = { message, input: given ?? input };
      const ended = given === undefined;
      end({ inputs: done + 1, ended, accepted, outcomes: 0, finding });
    };
    let last = -1;
    let since = performance.now();
    const watch = setInterval(() => {
      // The time that a worker takes to start is not the parser's.
      const now = place.read()?.done ?? -1;
      if (now !== last || now === -1) [last, since] = [now, performance.now()];
      else if (performance.now() - since > patience) fail(`no answer in ${patience} ms`);
    }, glance);
    runner.onReport((report) => {
      if (report.kind === 'kept') kept.push(report.kept);
      else if (report.kind === 'finding') fail(report.message, report.input);
      else end({ ...report, ended: false, finding: null });
    });
    runner.onEnd((reason) => fail(reason));
  });
}

/**
 * Runs one target in one worker with seeds that `nextSeed` gives. Where its parser is contained, a
 * thread that ended is counted and followed by another.
 */
export async function fuzz(
  name: string,
  { inputs, seconds }: Amount,
  nextSeed: () => number,
): Promise<Omit<Found, 'ended'> & { ends: number }> {
  const { contained = false, isNative = false } = await loadTarget(name);
  const patience = contained ? longestContained : longest;
  const kept: Kept[] = [];
  const total = { inputs: 0, accepted: 0, outcomes: 0, ends: 0 };
  const until = performance.now() + 1000 * seconds;
  for (;;) {
    const left = { inputs: inputs - total.inputs, seconds: (until - performance.now()) / 1000 };
    const found = await runWorker(name, left, nextSeed(), {
      patience,
      isProcess: isNative,
      kept,
    });
    total.inputs += found.inputs;
    total.accepted += found.accepted;
    total.outcomes = Math.max(total.outcomes, found.outcomes);
    if (!contained || !found.ended) return { ...total, finding: found.finding };
    total.ends++;
    if (total.inputs >= inputs || performance.now() > until) return { ...total, finding: null };
  }
}
