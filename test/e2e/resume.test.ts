/** Checkpoints of real runs: what is in them, and what resuming and rewinding make of them. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { built } from '../../prove/lib/proof.ts';
import { checkpointSteps, differences, outcome } from '../../prove/lib/runs.ts';
import { writeRows, writeTinyModel } from '../../prove/lib/tiny.ts';
import type { SFTTrainer as Trainer, TrainOptions } from '../../src/index.ts';
import { temporary } from './shared.ts';

// Built, since threads that load TypeScript take most of the time of so short a run.
const { SFTTrainer } = await built<typeof import('../../src/index.ts')>('index.js');
const dir = temporary();
const model = writeTinyModel(join(dir, 'model'), 'F32');
const trainFile = writeRows(join(dir, 'rows.jsonl'), 20);
const evalFile = writeRows(join(dir, 'eval.jsonl'), 4);
let runs = 0;
const options = (more: Omit<TrainOptions, 'model'> = {}): TrainOptions & { outputDir: string } => ({
  model,
  trainFile,
  outputDir: join(dir, `run-${runs++}`),
  dtype: 'float32',
  device: 'cpu',
  loraR: 4,
  maxLength: 64,
  perDeviceTrainBatchSize: 2,
  learningRate: 1e-2,
  numTrainEpochs: 1,
  loggingSteps: 1,
  saveSteps: 2,
  datasetNumProc: 1,
  ...(more as object),
});

/** Trains to the end, or leaves after a step; returns what was noted. */
async function train(given: TrainOptions, until = Number.POSITIVE_INFINITY): Promise<string> {
  const trainer = new SFTTrainer(given);
  const notes: string[] = [];
  trainer.on('warning', (note) => notes.push(note));
  for await (const { step } of trainer.steps()) if (step === until) break;
  return notes.join('\n');
}
const resumed = (given: TrainOptions) => ({ ...given, resumeFromCheckpoint: 'auto' });
const rows = (out: string) =>
  readFileSync(join(out, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const failure = (call: Promise<unknown>): Promise<{ code: string; message: string }> =>
  call.then(
    () => assert.unreachable() as never,
    (error) => error,
  );

const whole = options();
await train(whole);

test('a checkpoint is a result, and what resuming needs', () => {
  assert.equal(checkpointSteps(whole.outputDir), [2, 4, 6, 8, 10]);
  assert.equal(readdirSync(join(whole.outputDir, 'checkpoint-10')).sort(), [
    'adapter_config.json',
    'adapter_model.safetensors',
    'manifest.json',
    'optimizer.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
    'trainer_state.json',
  ]);
  const at = (path: string) => readFileSync(join(whole.outputDir, path));
  assert.equal(at('checkpoint-10/adapter_model.safetensors'), at('adapter_model.safetensors'));
  const state = JSON.parse(at('checkpoint-4/trainer_state.json').toString());
  assert.equal(
    [state.global_step, state.max_steps, state.epoch, state.cursor, state.engine],
    [4, 10, 0.4, { epoch: 0, row: 8 }, { updates: 4, microBatches: 4 }],
  );
  assert.is(state.num_input_tokens_seen, rows(whole.outputDir)[3].num_tokens);
});

test('auto begins where there is nothing, and says what it goes on from', async () => {
  const given = options();
  assert.is(await train(resumed(given), 5), '');
  assert.match(await train(resumed(given)), /resumed from .*checkpoint-4: step 5 of 10/);
  assert.equal(differences(outcome(given.outputDir), outcome(whole.outputDir)), []);
  assert.match(await train(resumed(given)), /checkpoint-10: all 10 steps are done/);
  assert.equal(differences(outcome(given.outputDir), outcome(whole.outputDir)), []);
});

test('a run goes on in another folder, and brings its metrics', async () => {
  const given = options({ resumeFromCheckpoint: join(whole.outputDir, 'checkpoint-6') });
  await train(given);
  assert.equal(differences(outcome(given.outputDir), outcome(whole.outputDir)), []);
  assert.equal(checkpointSteps(given.outputDir), [8, 10]);
});

test('a stopped run saves the step it stopped at, an interrupted evaluation comes first', async () => {
  const more = { evalFile, evalStrategy: 'steps', evalSteps: 3, saveSteps: 100 } as const;
  const undisturbed = options({ ...more, lrSchedulerType: 'reduce_lr_on_plateau' });
  undisturbed.lrSchedulerKwargs = { patience: 0, factor: 0.5, threshold: 0.5 };
  await train(undisturbed);
  const rates = rows(undisturbed.outputDir).map((row) => row.learning_rate);
  assert.ok(rates.includes(0.005), 'the plateau was reached');
  for (const event of ['step', 'log'] as const) {
    const given = { ...undisturbed, outputDir: options().outputDir };
    const controller = new AbortController();
    const trainer: Trainer = new SFTTrainer({ ...given, signal: controller.signal });
    trainer.on(event, ({ step }: { step: number }) => step === 6 && controller.abort());
    assert.is((await failure(trainer.train())).code, 'aborted');
    assert.equal(checkpointSteps(given.outputDir), [6]);
    const state = readFileSync(join(given.outputDir, 'checkpoint-6/trainer_state.json'), 'utf8');
    assert.ok(JSON.parse(state).evaluation_due);
    await train(resumed(given));
    assert.equal(differences(outcome(given.outputDir), outcome(undisturbed.outputDir)), []);
  }
});

test('micro-batches cut otherwise train the same rows', async () => {
  const more = { gradientAccumulationSteps: 2, numTrainEpochs: 2 };
  const before = options({ ...more, perDeviceTrainBatchSize: 2 });
  await train(before);
  const given = options({ ...more, perDeviceTrainBatchSize: 2 });
  await train(given, 5);
  const notes = await train({
    ...resumed(given),
    perDeviceTrainBatchSize: 1,
    gradientAccumulationSteps: 4,
  });
  assert.match(notes, /micro-batches were 2 × 2; 1 × 4 is used from now on/);
  const [a, b] = [rows(before.outputDir), rows(given.outputDir)];
  assert.equal(
    a.map(({ num_tokens, epoch }) => [num_tokens, epoch]),
    b.map(({ num_tokens, epoch }) => [num_tokens, epoch]),
  );
  const distances = a.map(({ loss }, i) => Math.abs(loss - b[i].loss));
  assert.ok(Math.max(...distances) < 2e-6, String(distances));
});

test('changed data and settings are refused, or listed; a longer run goes on', async () => {
  const given = options();
  given.trainFile = join(dir, 'own.jsonl');
  cpSync(trainFile, given.trainFile);
  await train(given);
  const other = { ...resumed(given), seed: 1, maxLength: 32 };
  const { code, message } = await failure(train(other));
  assert.is(code, 'checkpoint');
  assert.match(message, /max_length was 64, now 32; seed was 42, now 1/);
  const longer = { ...resumed(given), numTrainEpochs: 2, weightDecay: 0.1 };
  const notes = await train(longer);
  assert.match(notes, /num_train_epochs was 1; 2 is used from now on/);
  assert.match(notes, /weight_decay was 0; 0.1 is used from now on/);
  assert.is(rows(given.outputDir).at(-1).step, 20);
  writeFileSync(given.trainFile, readFileSync(trainFile, 'utf8').replace('once', 'Once'));
  assert.match((await failure(train(longer))).message, /train_file\[0\] is not what it was/);
  assert.equal(checkpointSteps(given.outputDir).at(-1), 20);
});

test('a new run sets the checkpoints of an earlier one aside', async () => {
  const given = options();
  await train(given, 5);
  const notes = await train({ ...given, maxSteps: 1 });
  assert.match(notes, /of an earlier run were set aside: checkpoint-2.old-1, checkpoint-4.old-1/);
  assert.equal(checkpointSteps(given.outputDir), [1]);
});

test('only so many are kept, and the best one', async () => {
  const more = { evalFile, evalStrategy: 'steps', evalSteps: 2, loadBestModelAtEnd: true } as const;
  const given = options({ ...more, saveTotalLimit: 1, metricForBestModel: 'eval_loss' });
  given.greaterIsBetter = true;
  const notes = await train(given);
  assert.match(notes, /the result is checkpoint-2, the best by its evaluation/);
  assert.equal(checkpointSteps(given.outputDir), [2, 10]);
  const name = 'adapter_model.safetensors';
  const [result, best] = ['', 'checkpoint-2'].map((at) =>
    readFileSync(join(given.outputDir, at, name)),
  );
  assert.equal(result, best);
  const strategy = options({ ...more, saveStrategy: 'best' });
  await train(strategy);
  const losses = rows(strategy.outputDir).filter(({ eval_loss }) => eval_loss !== undefined);
  const improved = losses.filter((row, i) =>
    losses.slice(0, i).every(({ eval_loss }) => eval_loss > row.eval_loss),
  );
  assert.equal(
    checkpointSteps(strategy.outputDir),
    improved.map(({ step }) => step),
  );
});

test('rewind goes back within a run, or to begin with, and leaves rows out', async () => {
  const given = options();
  const trainer = new SFTTrainer(given);
  const notes: string[] = [];
  trainer.on('warning', (note) => notes.push(note));
  trainer.once('log', () => {});
  let back = false;
  trainer.on('step', ({ step }) => {
    if (step !== 7 || back) return;
    back = true;
    trainer.rewind(5, 2);
  });
  await trainer.train();
  assert.match(notes.join('\n'), /back to step 4; the rows of the next 2 steps are left out/);
  assert.ok(existsSync(join(given.outputDir, 'checkpoint-6.old-1')));
  assert.equal(checkpointSteps(given.outputDir), [2, 4, 6, 8, 10]);
  assert.equal(
    rows(given.outputDir).map(({ step }) => step),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
  const later = options();
  await train(later, 7);
  const text = await train({ ...later, rewind: 5, skipBatches: 2 });
  assert.match(text, /checkpoint-4: step 5 of 10/);
  assert.equal(differences(outcome(later.outputDir), outcome(given.outputDir)), []);
  assert.not.equal(differences(outcome(later.outputDir), outcome(whole.outputDir)), []);
  // The same command again, as after an interrupt, does not go back again.
  const same = await train({ ...later, rewind: 5, skipBatches: 2 });
  assert.match(same, /went back to step 5 before.*\n.*checkpoint-10: all 10 steps are done/s);
  assert.ok(!existsSync(join(later.outputDir, 'checkpoint-10.old-1')));
  const once = { ...later, outputDir: options().outputDir };
  await train(once, 7);
  const stopped = await train({ ...once, rewind: 5, skipBatches: 2 }, 6);
  assert.match(stopped, /the rows of the next 2 steps are left out/);
  assert.match(await train({ ...once, rewind: 5, skipBatches: 2 }), /checkpoint-6: step 7 of 10/);
  assert.equal(differences(outcome(once.outputDir), outcome(given.outputDir)), []);
  const many = await failure(train({ ...once, rewind: 5, skipBatches: 11 }));
  assert.match(many.message, /skip_batches: 11 steps, and the run has 10/);
  const both = { ...once, rewind: 5, resumeFromCheckpoint: join(once.outputDir, 'checkpoint-2') };
  assert.match((await failure(train(both))).message, /rewind: looks for a checkpoint of its own/);
  const none = await failure(train({ ...options(), rewind: 5 }));
  assert.match(none.message, /there is no checkpoint at or before step 5/);
});

test('a stream that is resumed in a later epoch accounts for all rows of the run', async () => {
  const lines = readFileSync(trainFile, 'utf8').trim().split('\n');
  const bad = join(dir, 'bad.jsonl');
  writeFileSync(bad, lines.toSpliced(7, 0, '{"text":5}', '{').join('\n'));
  const more = { trainFile: bad, onBadRow: 'skip', datasetStreaming: true } as const;
  const given = options({ ...more, maxSteps: 14, saveSteps: 3 });
  const { accounting } = await new SFTTrainer(given).train();
  assert.equal([accounting.read, accounting.available], [22, 22]);
  assert.equal([accounting.trained, accounting.quarantined.count], [20, 2]);
  for (const step of [5, 11, 13]) {
    const again = { ...given, outputDir: options().outputDir };
    await train(again, step);
    const result = await new SFTTrainer(resumed(again)).train();
    assert.equal(result.accounting, accounting);
    assert.equal(differences(outcome(again.outputDir), outcome(given.outputDir)), []);
  }
});

test('a damaged checkpoint is passed over, a named one refused', async () => {
  const given = options();
  await train(given);
  rmSync(join(given.outputDir, 'checkpoint-10/optimizer.safetensors'));
  const named = { ...given, resumeFromCheckpoint: join(given.outputDir, 'checkpoint-10') };
  assert.match((await failure(train(named))).message, /optimizer.safetensors cannot be read/);
  assert.match(
    await train(resumed(given)),
    /checkpoint-10 is passed over.*\n.*from .*checkpoint-8/s,
  );
  assert.ok(existsSync(join(given.outputDir, 'checkpoint-10.old-1')));
  assert.equal(differences(outcome(given.outputDir), outcome(whole.outputDir)), []);
});

test.run();
