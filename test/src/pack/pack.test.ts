import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cutDocument } from '../../../src/pack/cut.ts';
import { type Packing, pack } from '../../../src/pack/pack.ts';
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

test('extremes end, and lose nothing', () => {
  const million = 1_000_000;
  const extremes: [number[], number][] = [
    [[million], 1],
    [[1, million, 1], 7],
    [Array(1000).fill(1), million],
    [Array(100).fill(0), 4],
    [[], 1],
  ];
  for (const packing of ['bfd_split', 'wrapped'] as const) {
    for (const [lengths, capacity] of extremes) {
      const packed = pack(Int32Array.from(lengths), packing, capacity);
      const tokens = packed.ends.reduce((sum, end, i) => sum + end - packed.starts[i]!, 0);
      const given = lengths.reduce((sum, length) => sum + length, 0);
      assert.is(tokens, given);
      assert.is(packed.rows.length - 1, Math.ceil(given / capacity));
      assert.is(packed.rows.at(-1), packed.documents.length);
    }
  }
  assert.throws(() => pack(Int32Array.of(1), 'bfd', 0), /max_length/);
  assert.throws(() => pack(Int32Array.of(5), 'bfd', 4), /a document of 5 in rows of 4/);
});

test('a whole set fills rows better than blocks of a thousand', () => {
  const next = random(4);
  const lengths = Int32Array.from({ length: 20_000 }, () => 1 + next(1 + next(1 + next(2048))));
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const rowsOf = (part: Int32Array) => pack(part, 'bfd', 2048).rows.length - 1;
  let inBlocks = 0;
  for (let i = 0; i < lengths.length; i += 1000) inBlocks += rowsOf(lengths.subarray(i, i + 1000));
  const whole = rowsOf(lengths);
  assert.ok(whole < inBlocks, `${whole} and ${inBlocks}`);
  assert.ok(total / (whole * 2048) > 0.999, String(total / (whole * 2048)));
});

test('truncation keeps the start or the end', () => {
  const cut = (length: number, maxLength: number | null, mode: 'keep_start' | 'keep_end') => {
    const options = { packing: false, maxLength, truncationMode: mode } as const;
    const { start, end } = cutDocument(length, options, () => true);
    return [start, end];
  };
  assert.equal(cut(5, null, 'keep_start'), [0, 5]);
  assert.equal(cut(5, 5, 'keep_end'), [0, 5]);
  assert.equal(cut(5, 3, 'keep_start'), [0, 3]);
  assert.equal(cut(5, 3, 'keep_end'), [2, 5]);
});

test('packing needs a length', () => {
  assert.throws(() => pack(Int32Array.of(1), 'bfd', null), /max_length/);
});

test.run();
