/**
 * A trainer in a process of its own may be lost at any step: SIGSEGV, SIGABRT, SIGKILL (as the system
 * does where memory is short) or a process that hangs. Its caller answers throughout, notices at once,
 * and gets the bits of a run that nothing happened to.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TrainOptions } from '../src/index.ts';
import { built, main, type ProofOptions, random, type Verdict, workspace } from './lib/proof.ts';
import { differences, outcome } from './lib/runs.ts';
import { writeRows, writeTinyModel } from './lib/tiny.ts';

const FAULTS = ['SIGSEGV', 'SIGSTOP', 'SIGKILL', 'SIGABRT'] as const;
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

/** Milliseconds that this thread has waited for a processor, since others had it; 0 where nobody counts. */
function waited(): number {
  try {
    const [, wait] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
    return Number(wait) / 1e6;
  } catch {
    return 0;
  }
}

interface Silence {
  /** Milliseconds that the event loop answered nobody, at the longest. */
  whole: number;
  /** Without those in which the system gave the processor to others: its own work, and what it waited for. */
  own: number;
}

/** Watches the event loop until the function that it returns is called. */
function watchLoop(): () => Silence {
  const silence: Silence = { whole: 0, own: 0 };
  let last = performance.now();
  let before = waited();
  const timer = setInterval(() => {
    const [now, wait] = [performance.now(), waited()];
    const whole = now - last - 5;
    silence.whole = Math.max(silence.whole, whole);
    silence.own = Math.max(silence.own, whole - (wait - before));
    [last, before] = [now, wait];
  }, 5);
  return () => {
    clearInterval(timer);
    return silence;
  };
}

/** Whether the watch notices a loop that works too long, and one that waits too long. */
async function watchNotices(): Promise<boolean> {
  const works = () => {
    const cpu = () => process.cpuUsage().user / 1000;
    for (const start = cpu(); cpu() - start < 2 * BUSY; );
  };
  const waits = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * BUSY);
  for (const block of [works, waits]) {
    const stop = watchLoop();
    await sleep(20);
    block();
    await sleep(20);
    if (stop().own <= BUSY) return false;
  }
  return true;
}

export async function proveIsolation({ trials, seed, short }: ProofOptions): Promise<Verdict> {
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
  const trainer = new SFTTrainer({
    ...options,
    outputDir,
    isolate: true,
    isolateTimeout: short ? 3 : 1,
  });
  let [crashes, noticed, latest, fault] = [0, 0, 0, 0];
  const seen: number[] = [];
  trainer.on('step', ({ step }) => {
    seen.push(step);
    if (crashes >= trials || crashes > noticed) return;
    // After a step and the one before it was saved; sometimes while more is under way.
    const signal = FAULTS[crashes++ % FAULTS.length]!;
    setTimeout(() => {
      fault = performance.now();
      process.kill(trainingProcess(), signal);
    }, 3 * next());
  });
  trainer.on('restart', () => {
    noticed++;
    latest = Math.max(latest, performance.now() - fault);
  });
  const watches = await watchNotices();
  const stop = watchLoop();
  await trainer.train();
  const { own, whole: silent } = stop();
  const wrong = differences(outcome(whole), outcome(outputDir));
  const once = seen.every((step, i) => step === i + 1) && seen.length === steps;
  return {
    holds:
      noticed === trials &&
      wrong.length === 0 &&
      once &&
      (short || (watches && own <= BUSY && latest <= NOTICED)),
    line: `${noticed} of ${trials} losses of the training process survived, each noticed within ${Math.round(latest)} ms; ${wrong.length === 0 ? 'the result has the bits of an undisturbed run' : `the result differs in ${wrong.join(', ')}`}, ${once ? 'each step was told once' : 'steps were told twice or never'}; the caller was never busy for more than ${Math.round(own)} ms (${Math.round(silent)} with what others had of the processor)${watches ? '' : '; the watch notices nothing'}`,
  };
}

await main(import.meta.url, 200, proveIsolation);
