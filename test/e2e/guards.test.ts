/** What guards do in a run whose rows with a Z have a loss that is not a number. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { writeTinyModel } from '../../prove/lib/tiny.ts';
import { type AttuneError, type GuardRow, SFTTrainer, type TrainOptions } from '../../src/index.ts';
import { temporary } from './shared.ts';

const dir = temporary();
const model = writeTinyModel(join(dir, 'model'), 'F32', 'Z');
let runs = 0;

/** Runs over rows in order, one a step, of which those numbered `bad` hold a Z. */
async function run(bad: number[], more: Partial<TrainOptions> = {}) {
  const { outputDir = join(dir, `run-${runs++}`) } = more;
  const trainFile = join(dir, 'rows.jsonl');
  const text = (i: number) => `${bad.includes(i) ? 'Z' : ''}a red ball ${i}`;
  const rows = Array.from({ length: 12 }, (_, i) => JSON.stringify({ text: text(i + 1) }));
  writeFileSync(trainFile, rows.join('\n'));
  const trainer = new SFTTrainer({
    model,
    trainFile,
    outputDir,
    dtype: 'float32',
    perDeviceTrainBatchSize: 1,
    trainSamplingStrategy: 'sequential',
    numTrainEpochs: 1,
    saveSteps: 4,
    loggingSteps: 1,
    ...more,
  });
  const seen: GuardRow[] = [];
  trainer.on('guard', (row) => seen.push(row));
  const ended = await trainer.train().catch((error: AttuneError) => error);
  const file = join(outputDir, 'metrics.jsonl');
  const written = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  const metrics = written.map((line) => JSON.parse(line));
  const guards = metrics.filter(({ guard }) => guard !== undefined);
  assert.equal(
    seen.map(({ guard_step, guard_action }) => [guard_step, guard_action]),
    guards
      .slice(guards.length - seen.length)
      .map(({ guard_step, guard_action }) => [guard_step, guard_action]),
  );
  return { ended, guards, metrics, outputDir };
}

const brief = (rows: GuardRow[]) =>
  rows.map(({ step, guard_step, guard, guard_action }) => [step, guard_step, guard, guard_action]);

test('steps that are not finite are skipped and told of, and the run goes on', async () => {
  const { ended, guards, metrics, outputDir } = await run([3, 6, 7]);
  assert.equal(brief(guards), [
    [3, 3, 'non_finite', 'skip'],
    [6, 6, 'non_finite', 'skip'],
    [7, 7, 'non_finite', 'skip'],
  ]);
  assert.is(guards.at(-1).guard_count, 3);
  const { steps, skipped, loss } = ended as never as {
    steps: number;
    skipped: number;
    loss: number;
  };
  assert.equal([steps, skipped], [12, 3]);
  assert.ok(Number.isFinite(loss));
  assert.is(metrics.find((row) => row.step === 3 && row.loss !== undefined).loss, 'NaN');
  const state = JSON.parse(
    readFileSync(join(outputDir, 'checkpoint-8/trainer_state.json'), 'utf8'),
  );
  assert.equal([state.totals.skipped, state.engine.updates], [3, 5]);
});

test('three in a row end the run; the checkpoint made then is sound', async () => {
  const { ended, guards, outputDir } = await run([5, 6, 7]);
  assert.is((ended as AttuneError).code, 'non_finite');
  assert.equal(brief(guards).at(-1), [7, 7, 'non_finite', 'stop']);
  assert.ok(existsSync(join(outputDir, 'checkpoint-7/manifest.json')));
  const resumed = await run([5, 6, 7], { outputDir, resumeFromCheckpoint: 'auto' });
  assert.is((resumed.ended as never as { steps: number }).steps, 12);
});

test('a rewind goes back to the last checkpoint and on behind the rows that failed', async () => {
  const { ended, guards, metrics } = await run([6, 11], { nonFinite: 'rewind' });
  assert.equal(brief(guards), [
    [4, 6, 'non_finite', 'rewind'],
    [8, 9, 'non_finite', 'rewind'],
  ]);
  const { steps, skipped } = ended as never as { steps: number; skipped: number };
  assert.equal([steps, skipped], [12, 0]);
  const losses = metrics.filter(({ loss }) => loss !== undefined);
  assert.equal(
    losses.map(({ step }) => step),
    Array.from({ length: 12 }, (_, i) => i + 1),
  );
  assert.ok(losses.every(({ loss }) => Number.isFinite(loss)));
});

test('without a checkpoint there is nothing to go back to', async () => {
  const { ended, guards, outputDir } = await run([2], { nonFinite: 'rewind' });
  assert.match((ended as AttuneError).message, /no checkpoint to go back to \(save_steps\)/);
  assert.equal(brief(guards), [[2, 2, 'non_finite', 'stop']]);
  assert.ok(readdirSync(outputDir).includes('checkpoint-2'));
});

test('a run that does not fit is refused before step 1 with what would; parts shrink first', async () => {
  const memory = async (mebibytes: string, more: Partial<TrainOptions>) => {
    process.env.ATTUNE_MEMORY = mebibytes;
    try {
      return await run([], { maxSteps: 1, maxLength: 512, perDeviceTrainBatchSize: 2, ...more });
    } finally {
      delete process.env.ATTUNE_MEMORY;
    }
  };
  const { ended } = await memory('2', {});
  assert.match(
    (ended as Error).message,
    /needs \d+ MiB, .* has 2 MiB; what would fit: max_length \d+$/,
  );
  assert.is((ended as AttuneError).code, 'out_of_memory');
  const fitting = await memory('4', {});
  assert.is((fitting.ended as never as { steps: number }).steps, 1);
});

test.run();
