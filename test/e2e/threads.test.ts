/** Trainers side by side, in one thread and in threads of their own that may be ended at any moment. */
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { random } from '../../prove/lib/proof.ts';
import { checkpointSteps, differences, outcome } from '../../prove/lib/runs.ts';
import { writeRows, writeTinyModel } from '../../prove/lib/tiny.ts';
import { threadFile } from '../../src/data/thread.ts';
import { SFTTrainer, type TrainOptions } from '../../src/index.ts';
import { temporary } from './shared.ts';

const dir = temporary();
const model = writeTinyModel(join(dir, 'model'), 'F32');
const trainFile = writeRows(join(dir, 'rows.jsonl'), 40);
const options = (name: string, more: Partial<TrainOptions> = {}): TrainOptions => ({
  model,
  trainFile,
  outputDir: join(dir, name),
  dtype: 'float32',
  device: 'cpu',
  maxLength: 64,
  perDeviceTrainBatchSize: 2,
  loraDropout: 0.1,
  maxSteps: 12,
  saveSteps: 4,
  loggingSteps: 1,
  datasetNumProc: 1,
  ...more,
});
const found = (name: string) => outcome(join(dir, name));

function inThread(given: TrainOptions): Worker {
  const { filename, execArgv } = threadFile(import.meta.url, 'train.thread');
  const worker = new Worker(new URL(filename), { workerData: given, execArgv: execArgv ?? [] });
  worker.on('error', () => {});
  return worker;
}

/** When a thread has said something that `is` it. */
async function said(worker: Worker, is: (message: unknown) => boolean): Promise<void> {
  for (;;) {
    const [message] = await once(worker, 'message');
    if (is(message)) return;
    assert.type(message, 'number', String(message));
  }
}

await new SFTTrainer(options('alone')).train();

test('two trainers in two threads each do what one does alone', async () => {
  const workers = ['a', 'b'].map((name) => inThread(options(name)));
  await Promise.all(workers.map((worker) => said(worker, (message) => message === 'end')));
  await Promise.all(workers.map((worker) => worker.terminate()));
  for (const name of ['a', 'b']) assert.equal(differences(found('alone'), found(name)), []);
});

test('one that is left early changes nothing for another', async () => {
  const [left, stays] = [new SFTTrainer(options('left')), new SFTTrainer(options('stays'))];
  const whole = stays.train();
  const steps = left.steps();
  await steps.next();
  await steps.return();
  await whole;
  assert.equal(differences(found('alone'), found('stays')), []);
});

test('a thread may be ended at any moment: another run goes on in its directory', async () => {
  const threads = () =>
    existsSync('/proc/self/status')
      ? Number(/^Threads:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1])
      : 0;
  const before = threads();
  const next = random(11);
  const ended = Array.from({ length: 4 }, async (_, i) => {
    const worker = inThread(options(`ended-${i}`, { maxSteps: 100_000, saveSteps: 4 }));
    // While it loads, while it makes steps, while it saves.
    if (i > 0) await said(worker, (message) => Number(message) >= 30 * i);
    await sleep(i === 0 ? 400 : 20 * next());
    await worker.terminate();
  });
  await Promise.all(ended);
  for (let i = 0; i < 4; i++) {
    const goesOn = options(`ended-${i}`, { resumeFromCheckpoint: 'auto', maxSteps: 8 });
    const found = readdirSync(dir).includes(`ended-${i}`) ? checkpointSteps(goesOn.outputDir!) : [];
    goesOn.maxSteps = 8 + (found.at(-1) ?? 0);
    const { steps } = await new SFTTrainer(goesOn).train();
    assert.is(steps, goesOn.maxSteps);
  }
  for (let i = 0; i < 50 && threads() > before; i++) await sleep(20);
  assert.ok(threads() <= before, `${threads()} threads, ${before} before`);
});

test.run();
