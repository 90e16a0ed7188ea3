// Gives parsers inputs that are nearly right: npm run fuzz -- [--target NAME] [--inputs N] [--seed N]
// [--threads N]. An error that is not the parser's own, an input that takes longer than five seconds
// and a thread that dies are findings; the input is kept, and `--input FILE` runs it again.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { loadTarget, targetNames } from './targets.ts';
import type { Report, Work } from './worker.ts';

/** Milliseconds an input may take; less where the parser's thread may be ended for it. */
const longest = 5000;
const longestContained = 300;

interface Found {
  inputs: number;
  /** Whether the thread had to be ended. */
  ended: boolean;
  accepted: number;
  outcomes: number;
  finding: { message: string; input: Uint8Array } | null;
}

/** Runs one thread over one target; resolves with what became of it. */
function runThread(target: string, inputs: number, seed: number, patience: number): Promise<Found> {
  const state = new SharedArrayBuffer(16);
  const current = new SharedArrayBuffer(1 << 20);
  const work: Work = { target, inputs, seed, state, current };
  const worker = new Worker(new URL('./thread.mjs', import.meta.url), {
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
      if (now !== last) [last, since] = [now, performance.now()];
      else if (performance.now() - since > patience) fail(`no answer in ${patience} ms`, input());
    }, 50);
    worker.on('message', (report: Report) => {
      if (report.kind === 'finding') fail(report.message, report.input, false);
      else
        end({
          inputs,
          ended: false,
          accepted: report.accepted,
          outcomes: report.outcomes,
          finding: null,
        });
    });
    worker.on('error', (error) => fail(`the thread ended: ${error.message}`, input()));
    worker.on('exit', (code) => fail(`the thread ended with code ${code}`, input()));
  });
}

/** Runs one target. Where its parser is contained, a thread that ended is counted and followed by another. */
async function fuzz(name: string, inputs: number, seed: number): Promise<Found & { ends: number }> {
  const { contained = false } = await loadTarget(name);
  const patience = contained ? longestContained : longest;
  const total = { inputs: 0, accepted: 0, outcomes: 0, ends: 0 };
  for (;;) {
    const found = await runThread(name, inputs - total.inputs, seed + total.ends, patience);
    total.inputs += found.inputs;
    total.accepted += found.accepted;
    total.outcomes = Math.max(total.outcomes, found.outcomes);
    if (!contained || !found.ended) return { ...found, ...total };
    total.ends++;
    if (total.inputs >= inputs) return { ...found, ...total, finding: null };
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      target: { type: 'string', multiple: true },
      inputs: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
      threads: { type: 'string', default: '1' },
      input: { type: 'string' },
    },
  });
  const names = values.target ?? targetNames;
  if (values.input) {
    const target = await loadTarget(names[0]!);
    console.log(await target.run(readFileSync(values.input)));
    return;
  }
  const threads = Number(values.threads);
  const each = Math.ceil(Number(values.inputs) / threads);
  for (const name of names) {
    const start = performance.now();
    const seeds = Array.from({ length: threads }, (_, i) => Number(values.seed) + 1000 * i);
    const found = await Promise.all(seeds.map((seed) => fuzz(name, each, seed)));
    const sum = (of: (one: (typeof found)[number]) => number) =>
      found.reduce((total, one) => total + of(one), 0);
    const findings = found.flatMap(({ finding }) => finding ?? []);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(
      `fuzz ${name}: ${sum((one) => one.inputs)} inputs, ${sum((one) => one.accepted)} accepted, ` +
        `${Math.max(...found.map((one) => one.outcomes))} different answers, ` +
        `${sum((one) => one.ends)} threads ended, ${findings.length} findings, ${seconds} s`,
    );
    for (const { message, input } of findings) {
      const path = join('.cache/fuzz', `${name}-${Date.now()}`);
      mkdirSync('.cache/fuzz', { recursive: true });
      writeFileSync(path, input);
      console.log(`  ${message}\n  input kept in ${path}`);
      process.exitCode = 1;
    }
  }
}

if (process.argv[1] === import.meta.filename) await main();
