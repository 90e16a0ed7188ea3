/**
 * Nothing is left behind: resident memory over thousands of steps, and over trainers that are made and
 * ended in every way (at their end, by an abort, by leaving early, with their worker thread), with
 * threads and open files as many as before.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { TrainOptions } from '../src/index.ts';
import { growth, opened, type Resources, resources } from './lib/memory.ts';
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

export async function proveLeaks({ trials, seed, short }: ProofOptions): Promise<Verdict> {
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
      // Without an await of the module's own: Node does not survive the end of a thread in it.
      import(workerData.url).then(({ SFTTrainer }) => {
        const trainer = new SFTTrainer(workerData.options);
        trainer.on('step', () => parentPort.postMessage('step'));
        return trainer.train();
      });`;
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
  const more = opened(first.files, last.files);
  const grows = ({ rise, noise }: ReturnType<typeof growth>) => rise > NOISE + noise;
  return {
    holds:
      (short || (!grows(byStep) && !grows(byCycle))) &&
      last.threads <= first.threads &&
      last.files.length <= first.files.length,
    line: `${steps} steps: ${byStep.rise.toFixed(1)} MiB (noise ${byStep.noise.toFixed(1)}); ${trials} trainers made and ended: ${byCycle.rise.toFixed(1)} MiB (noise ${byCycle.noise.toFixed(1)}), threads ${first.threads} then ${last.threads}, files ${first.files.length} then ${last.files.length}${more.length > 0 ? ` (${more.join(', ')})` : ''}`,
  };
}

await main(import.meta.url, 200, proveLeaks);
