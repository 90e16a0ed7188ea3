import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { EpochBatch } from '../../../src/batch/dataset.ts';
import { batchesPerEpoch, isDue, totalSteps } from '../../../src/train/cadence.ts';
import { ahead, stepGroups } from '../../../src/train/groups.ts';

const batch = (trained: number, progress: number): EpochBatch => ({
  tokens: new Int32Array(4),
  targets: new Int32Array(4),
  positions: new Int32Array(4),
  segments: Int32Array.of(0, 4),
  trained,
  progress,
});

const source = (count: number) => ({
  async *batches(epoch: number) {
    for (let i = 0; i < count; i++) yield batch(100 * epoch + i, (i + 1) / count);
  },
});

test('micro-batches are grouped; the last of an epoch may be fewer', async () => {
  const seen: unknown[] = [];
  for await (const group of stepGroups(source(5), 2)) {
    seen.push([group.epoch, group.endsEpoch, group.trained]);
    if (seen.length === 6) break;
  }
  assert.equal(seen, [
    [0.4, false, 1],
    [0.8, false, 5],
    [1, true, 4],
    [1.4, false, 201],
    [1.8, false, 205],
    [2, true, 104],
  ]);
});

test('a full last group ends the epoch too', async () => {
  const ends: boolean[] = [];
  for await (const group of stepGroups(source(4), 2)) {
    ends.push(group.endsEpoch);
    if (ends.length === 4) break;
  }
  assert.equal(ends, [false, true, false, true]);
});

test('no batches at all is an error, not a loop without end', async () => {
  try {
    await stepGroups(source(0), 2).next();
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, 'train_file: there is nothing to train');
  }
});

test('the next item is fetched while one is used, and errors arrive in order', async () => {
  const log: string[] = [];
  async function* items() {
    for (const name of ['a', 'b']) {
      log.push(`make ${name}`);
      yield name;
    }
    throw new Error('third');
  }
  try {
    for await (const item of ahead(items())) {
      await Promise.resolve();
      log.push(`use ${item}`);
    }
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, 'third');
  }
  assert.equal(log, ['make a', 'make b', 'use a', 'use b']);
});

test('what is fetched may fail long before it is wanted', async () => {
  async function* items() {
    yield 'a';
    throw new Error('second');
  }
  // Node ends a process in which nobody listens to a failure.
  const unheard: unknown[] = [];
  const hear = (error: unknown) => unheard.push(error);
  process.on('unhandledRejection', hear);
  try {
    for await (const _ of ahead(items())) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, 'second');
  } finally {
    process.off('unhandledRejection', hear);
  }
  assert.equal(unheard, []);
});

test('leaving early ends the source', async () => {
  let ended = false;
  async function* items() {
    try {
      for (let i = 0; ; i++) yield i;
    } finally {
      ended = true;
    }
  }
  for await (const item of ahead(items())) if (item === 1) break;
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(ended);
});

test('updates of a run, as transformers counts them', () => {
  assert.is(totalSteps(10, 3, 2, 3), 6);
  assert.is(totalSteps(10, 3, 2, 0.5), 1);
  assert.is(totalSteps(10, 3, 2, 1.6), 4);
  assert.is(batchesPerEpoch(10, 3), 4);
  assert.equal(
    [1, 2, 3, 4].filter((step) => isDue(step, 2, 100)),
    [2, 4],
  );
  assert.equal(
    [24, 25, 50].filter((step) => isDue(step, 0.25, 100)),
    [25, 50],
  );
});

test.run();
