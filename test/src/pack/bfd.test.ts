import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packBestFit } from '../../../src/pack/bfd.ts';
import { random } from './random.ts';

function bins(lengths: readonly number[], capacity: number): number[][] {
  const { order, rows } = packBestFit(Int32Array.from(lengths), capacity);
  return [...rows.slice(1)].map((end, row) => [...order.slice(rows[row], end)]);
}

/** The algorithm in plain words: the fullest row that fits, the one that came to it first. */
function plainBins(lengths: readonly number[], capacity: number): number[][] {
  const order = [...lengths.keys()].filter((i) => lengths[i] !== 0);
  order.sort((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0));
  const made: { room: number; since: number; documents: number[] }[] = [];
  order.forEach((index, step) => {
    const length = lengths[index] ?? 0;
    const fits = made.filter((bin) => bin.room >= length);
    fits.sort((a, b) => a.room - b.room || a.since - b.since);
    let bin = fits[0];
    if (bin === undefined) {
      bin = { room: capacity, since: 0, documents: [] };
      made.push(bin);
    }
    bin.documents.push(index);
    bin.room -= length;
    bin.since = step;
  });
  return made.map((bin) => bin.documents);
}

test('golden vectors of TRL', () => {
  assert.equal(bins([3, 3, 3, 2, 2, 1, 1, 5], 6), [[7, 5], [0, 1], [2, 3, 6], [4]]);
  assert.equal(bins([4, 4, 4, 2, 2, 2], 6), [
    [0, 3],
    [1, 4],
    [2, 5],
  ]);
  assert.equal(bins([5, 3, 3, 2, 2, 2, 1], 8), [[0, 1], [2, 3, 4, 6], [5]]);
  assert.equal(bins([7, 6, 5, 4, 3, 2, 1], 10), [
    [0, 4],
    [1, 3],
    [2, 5, 6],
  ]);
  assert.equal(bins([4, 2, 2], 4), [[0], [1, 2]]);
  assert.equal(bins([3, 4, 1], 4), [[1], [0, 2]]);
  assert.equal(bins([2, 0, 3, 0, 1], 4), [[2, 4], [0]]);
});

test('random lengths: as in plain words', () => {
  const next = random(1);
  for (let round = 0; round < 300; round++) {
    const capacity = 1 + next(round % 3 === 0 ? 2000 : 40);
    const lengths = Array.from({ length: next(120) }, () => next(capacity + 1));
    assert.equal(bins(lengths, capacity), plainBins(lengths, capacity), `${capacity}: ${lengths}`);
  }
});

test('edges', () => {
  assert.equal(bins([], 4), []);
  assert.equal(bins([0, 0], 4), []);
  assert.equal(bins([1, 1, 1], 1), [[0], [1], [2]]);
  assert.throws(() => bins([5], 4), /a document of 5 in rows of 4/);
});

test('a million documents: each comes once, and no row is too full', () => {
  const next = random(2);
  const lengths = Int32Array.from({ length: 1e6 }, () => 1 + next(1 + next(2048)));
  const { order, rows } = packBestFit(lengths, 2048);
  assert.is(new Set(order).size, lengths.length);
  let most = 0;
  for (let row = 0; row + 1 < rows.length; row++) {
    const documents = order.subarray(rows[row], rows[row + 1]);
    most = Math.max(
      most,
      documents.reduce((sum, index) => sum + lengths[index]!, 0),
    );
  }
  assert.is(most, 2048);
});

test.run();
