/**
 * A trainer in a process of its own may be lost at any step: SIGSEGV, SIGABRT, SIGKILL (as the system
 * does where memory is short) or a process that hangs. Its caller answers throughout, notices at once,
 * and gets the bits of a run that nothing happened to.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TrainOptions } from '../src/index.ts';
import { built, main, type ProofOptions, random, type Verdict, workspace } from './lib/proof.ts';
import { differences, outcome } from './lib/runs.ts';
import { writeRows, writeTinyModel } from './lib/tiny.ts';

const FAULTS = ['SIGSEGV', 'SIGABRT', 'SIGKILL', 'SIGSTOP'] as const;
/** Milliseconds: how long the caller may be busy, and how late a loss may be noticed. */
const BUSY = 50;
const NOTICED = 2000;

/** The process that trains for this one. */
function trainingProcess(): number {
  const all = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ');
  const found = all.find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('isolated'),
  );
  return Number(found);
}

export async function proveIsolation({ trials, seed }: ProofOptions): Promise<Verdict> {
  const { SFTTrainer } = await built<typeof import('../src/index.ts')>('index.js');
  const dir = workspace();
  const next = random(seed);
  const steps = 3 * trials + 5;
  const options: TrainOptions = {
    model: writeTinyModel(join(dir, 'model'), 'F32'),
    trainFile: writeRows(join(dir, 'rows.jsonl'), 40),
    method: 'lora',
    dtype: 'float32',
    device: 'cpu',
    maxLength: 64,
    perDeviceTrainBatchSize: 2,
    loraDropout: 0.1,
    maxSteps: steps,
    loggingSteps: 1,
    saveSteps: 1,
    saveTotalLimit: 2,
    datasetNumProc: 1,
  };
  const whole = join(dir, 'whole');
  await new SFTTrainer({ ...options, outputDir: whole }).train();

  const outputDir = join(dir, 'isolated');
  const trainer = new SFTTrainer({ ...options, outputDir, isolate: true, isolateTimeout: 1 });
  let [crashes, noticed, latest, longest, fault] = [0, 0, 0, 0, 0];
  const seen: number[] = [];
  trainer.on('step', ({ step }) => {
    seen.push(step);
    if (crashes >= trials || crashes > noticed) return;
    // After a step and the one before it was saved; sometimes while more is under way.
    crashes++;
    setTimeout(() => {
      fault = performance.now();
      process.kill(trainingProcess(), FAULTS[Math.floor(next() * FAULTS.length)]!);
    }, 3 * next());
  });
  trainer.on('restart', () => {
    noticed++;
    latest = Math.max(latest, performance.now() - fault);
  });
  let last = performance.now();
  const answering = setInterval(() => {
    longest = Math.max(longest, performance.now() - last - 5);
    last = performance.now();
  }, 5);
  await trainer.train();
  clearInterval(answering);
  const wrong = differences(outcome(whole), outcome(outputDir));
  const once = seen.every((step, i) => step === i + 1) && seen.length === steps;
  return {
    holds: noticed === trials && wrong.length === 0 && once && longest <= BUSY && latest <= NOTICED,
    line: `${noticed} of ${trials} losses of the training process survived, each noticed within ${Math.round(latest)} ms; ${wrong.length === 0 ? 'the result has the bits of an undisturbed run' : `the result differs in ${wrong.join(', ')}`}, ${once ? 'each step was told once' : 'steps were told twice or never'}; the caller was never busy for more than ${Math.round(longest)} ms`,
  };
}

await main(import.meta.url, 200, proveIsolation);
