/**
 * Nothing is left behind: resident memory over thousands of steps, and over trainers that are made and
 * ended in every way (at their end, by an abort, by leaving early, with their worker thread), with
 * threads and open files as many as before.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import type { TrainOptions } from '../src/index.ts';
import {
  built,
  main,
  type ProofOptions,
  ROOT,
  random,
  type Verdict,
  workspace,
} from './lib/proof.ts';
import { writeRows, writeTinyModel } from './lib/tiny.ts';

/** MiB that the second half of a series may lie above the first, beyond twice their spread. */
const NOISE = 4;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

interface Resources {
  /** MiB. */
  memory: number;
  threads: number;
  files: number;
}

function resources(): Resources {
  collect();
  const status = readFileSync('/proc/self/status', 'utf8');
  const number = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)![1]);
  const files = readdirSync('/proc/self/fd').filter((file) => !isModule(file)).length;
  return { memory: number('VmRSS') / 1024, threads: number('Threads'), files };
}

/** Node keeps the file of a module open that a thread was loading when it was terminated. */
function isModule(file: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${file}`).endsWith('.js');
  } catch {
    return false;
  }
}

/** How far the second half of a series lies above the first, and how much that may be by chance. */
function growth(series: readonly number[]): { rise: number; noise: number } {
  const half = Math.floor(series.length / 2);
  const [first, second] = [series.slice(0, half), series.slice(-half)];
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const spread = (values: readonly number[]) =>
    Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)));
  return { rise: mean(second) - mean(first), noise: 2 * Math.max(spread(first), spread(second)) };
}

export async function proveLeaks({ trials, seed }: ProofOptions): Promise<Verdict> {
  const { SFTTrainer } = await built<typeof import('../src/index.ts')>('index.js');
  const dir = workspace();
  const next = random(seed);
  const options = (name: string, maxSteps: number): TrainOptions => ({
    model,
    trainFile,
    outputDir: join(dir, name),
    dtype: 'float32',
    device: 'cpu',
    maxLength: 64,
    perDeviceTrainBatchSize: 2,
    maxSteps,
    saveSteps: 500,
    saveTotalLimit: 1,
    datasetNumProc: 1,
  });
  const model = writeTinyModel(join(dir, 'model'), 'F32');
  const trainFile = writeRows(join(dir, 'rows.jsonl'), 40);

  const overSteps: number[] = [];
  const steps = 50 * trials;
  for await (const { step } of new SFTTrainer(options('long', steps)).steps()) {
    // The first fifth warms caches and the heap up.
    if (step > steps / 5 && step % Math.ceil(steps / 100) === 0) {
      overSteps.push(resources().memory);
    }
  }

  const inWorker = async (name: string) => {
    const program = `
      import { workerData, parentPort } from 'node:worker_threads';
      const { SFTTrainer } = await import(workerData.url);
      const trainer = new SFTTrainer(workerData.options);
      trainer.on('step', () => parentPort.postMessage('step'));
      await trainer.train();`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`), {
      workerData: { url: `file://${join(ROOT, 'dist/index.js')}`, options: options(name, 1000) },
    });
    worker.on('error', () => {});
    await Promise.race([
      new Promise((resolve) => worker.once('message', resolve)),
      sleep(400 * next()),
    ]);
    await worker.terminate();
  };
  const ways: ((name: string) => Promise<unknown>)[] = [
    (name) => new SFTTrainer(options(name, 2)).train(),
    async (name) => {
      const controller = new AbortController();
      const trainer = new SFTTrainer({ ...options(name, 1000), signal: controller.signal });
      setTimeout(() => controller.abort(), 120 * next());
      await trainer.train().catch(() => {});
    },
    async (name) => {
      for await (const _ of new SFTTrainer(options(name, 1000)).steps()) break;
    },
    inWorker,
    (name) => {
      const two = ['a', 'b'].map((each) => new SFTTrainer(options(`${name}-${each}`, 2)).train());
      return Promise.all(two);
    },
  ];
  const overCycles: Resources[] = [];
  for (let cycle = 0; cycle < trials; cycle++) {
    await ways[cycle % ways.length]!(`cycle-${cycle}`);
    if (cycle < trials / 5 || cycle % ways.length !== 0) continue;
    await sleep(20);
    overCycles.push(resources());
  }
  const byStep = growth(overSteps);
  const byCycle = growth(overCycles.map(({ memory }) => memory));
  const [first, last] = [overCycles[0]!, overCycles.at(-1)!];
  const grows = ({ rise, noise }: ReturnType<typeof growth>) => rise > NOISE + noise;
  return {
    holds:
      !grows(byStep) &&
      !grows(byCycle) &&
      last.threads <= first.threads &&
      last.files <= first.files,
    line: `${steps} steps: ${byStep.rise.toFixed(1)} MiB (noise ${byStep.noise.toFixed(1)}); ${trials} trainers made and ended: ${byCycle.rise.toFixed(1)} MiB (noise ${byCycle.noise.toFixed(1)}), threads ${first.threads} then ${last.threads}, files ${first.files} then ${last.files}`,
  };
}

await main(import.meta.url, 200, proveLeaks);
