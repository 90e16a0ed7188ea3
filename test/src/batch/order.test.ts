import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { groupByLength } from '../../../src/batch/grouped.ts';
import { permutation } from '../../../src/batch/random.ts';
import { blockBounds } from '../../../src/batch/section.ts';

const sorted = (order: Uint32Array): number[] => [...order].sort((a, b) => a - b);
const all = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

test('a permutation holds every index and depends on its key alone', () => {
  for (const count of [0, 1, 2, 1000]) assert.equal(sorted(permutation(count, 1, 2)), all(count));
  assert.equal(permutation(50, 1, 2, 3), permutation(50, 1, 2, 3));
  assert.not.equal(permutation(50, 1, 2, 3), permutation(50, 1, 2, 4));
  assert.not.equal(permutation(50, 1, 2, 3), permutation(50, 2, 1, 3));
  assert.not.equal(permutation(50, 0), permutation(50, 2 ** 32));
});

test('every order is as likely as any other', () => {
  const counts = new Map<string, number>();
  for (let seed = 0; seed < 6000; seed++) {
    const order = permutation(3, seed).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.is(counts.size, 6);
  for (const count of counts.values()) assert.ok(Math.abs(count - 1000) < 150, String(count));
});

test('group_by_length: mega-batches from long to short, the longest row first', () => {
  const lengths = Int32Array.from({ length: 100 }, (_, i) => (i * 37) % 100);
  const order = groupByLength(lengths, 5, 42, 0);
  assert.equal(sorted(order), all(100));
  assert.is(lengths[order[0] ?? 0], 99);
  const second = [...order.slice(25, 50)].map((index) => lengths[index] ?? 0);
  assert.equal(
    second.slice(1),
    [...second.slice(1)].sort((a, b) => b - a),
  );
  assert.equal(order, groupByLength(lengths, 5, 42, 0));
  assert.not.equal(order, groupByLength(lengths, 5, 42, 1));
  assert.equal([...groupByLength(new Int32Array(0), 5, 42, 0)], []);
});

test('blocks of a thousand; the first are smaller where nothing is packed', () => {
  assert.equal(blockBounds(2300, 1000), [0, 1000, 2000, 2300]);
  assert.equal(blockBounds(2300, false), [0, 100, 200, 400, 800, 1800, 2300]);
  assert.equal(blockBounds(50, false), [0, 50]);
  assert.equal(blockBounds(2300, null), [0, 2300]);
  assert.equal(blockBounds(0, null), [0]);
});

test.run();
