import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Packing, pack } from '../../../src/pack/pack.ts';
import { truncated } from '../../../src/pack/split.ts';
import { random } from './random.ts';

/** Rows of [document, start, end]. */
function rows(lengths: readonly number[], packing: Packing, capacity: number | null): number[][][] {
  const packed = pack(Int32Array.from(lengths), packing, capacity);
  return [...packed.rows.slice(1)].map((end, row) => {
    const pieces: number[][] = [];
    for (let i = packed.rows[row] ?? 0; i < end; i++) {
      pieces.push([packed.documents[i] ?? -1, packed.starts[i] ?? -1, packed.ends[i] ?? -1]);
    }
    return pieces;
  });
}

const sizes = (all: number[][][]): number[][] =>
  all.map((row) => row.map(([, start = 0, end = 0]) => end - start));

test('bfd_split as TRL cuts', () => {
  assert.equal(sizes(rows([9, 2, 2], 'bfd_split', 4)), [[4], [4], [2, 2], [1]]);
  assert.equal(rows([5, 2, 4, 1], 'bfd_split', 4), [
    [[0, 0, 4]],
    [[2, 0, 4]],
    [
      [1, 0, 2],
      [0, 4, 5],
      [3, 0, 1],
    ],
  ]);
  assert.equal(sizes(rows([6, 3, 3, 4], 'bfd_split', 4)), [[4], [4], [3], [3], [2]]);
});

test('wrapped cuts every row full, at documents too', () => {
  assert.equal(rows([3, 0, 4, 2], 'wrapped', 4), [
    [
      [0, 0, 3],
      [2, 0, 1],
    ],
    [
      [2, 1, 4],
      [3, 0, 1],
    ],
    [[3, 1, 2]],
  ]);
});

test('no packing: every document a row', () => {
  assert.equal(rows([2, 0, 3], false, null), [[[0, 0, 2]], [[2, 0, 3]]]);
});

test('any lengths: nothing lost, nothing invented, no row too long', () => {
  const next = random(3);
  for (const packing of ['bfd_split', 'wrapped', 'bfd', false] as const) {
    for (let round = 0; round < 120; round++) {
      const capacity = 1 + next(30);
      const longest = packing === 'bfd' ? capacity + 1 : 100;
      const lengths = Array.from({ length: next(60) }, () => next(longest));
      const all = rows(lengths, packing, capacity);
      const seen = lengths.map((length) => new Uint8Array(length));
      for (const row of all) {
        assert.ok(row.length > 0);
        for (const [document = 0, start = 0, end = 0] of row) {
          assert.ok(end > start);
          for (let i = start; i < end; i++) seen[document]![i]!++;
        }
        const total = row.reduce((sum, [, start = 0, end = 0]) => sum + end - start, 0);
        if (packing !== false) assert.ok(total <= capacity, `${packing} ${total} > ${capacity}`);
      }
      assert.ok(seen.every((counts) => counts.every((count) => count === 1)));
    }
  }
});

test('truncation keeps the start or the end', () => {
  assert.equal(truncated(5, null, 'keep_start'), [0, 5]);
  assert.equal(truncated(5, 5, 'keep_end'), [0, 5]);
  assert.equal(truncated(5, 3, 'keep_start'), [0, 3]);
  assert.equal(truncated(5, 3, 'keep_end'), [2, 5]);
});

test('packing needs a length', () => {
  assert.throws(() => pack(Int32Array.of(1), 'bfd', null), /max_length/);
});

test.run();
