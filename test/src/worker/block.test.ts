import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeBlock } from '../../../src/worker/block.ts';
import type { EncodedRow } from '../../../src/worker/encode.ts';
import type { Block } from '../../../src/worker/messages.ts';

/** Rows given as labels; 0 stands for -100; an empty list is left out. */
function block(
  rows: number[][],
  packing: 'bfd' | 'bfd_split' | 'wrapped' | false,
  maxLength: number | null,
): Block {
  const placed = rows.map((labels, i) => ({
    value: labels,
    shape: 'input_ids' as const,
    place: { file: 'f', line: i + 1 },
  }));
  const encode = (value: unknown): EncodedRow => {
    const labels = Int32Array.from(value as number[], (label) => (label === 0 ? -100 : label));
    const dropped = labels.length === 0 ? 'too short' : null;
    const cut = labels.length > 3;
    const offsets = new Int32Array(0);
    return { ids: labels, labels, offsets, text: null, spans: [], truncated: cut, dropped };
  };
  return encodeBlock(placed, encode, { packing, maxLength });
}

test('unpacked: one piece a row, in order', () => {
  const { ids, pieces, rows, counts } = block([[1, 2], [], [3, 4, 5, 6]], false, null);
  assert.equal([...ids], [1, 2, 3, 4, 5, 6]);
  assert.equal([...pieces], [0, 2, 6]);
  assert.equal([...rows], [0, 1, 2]);
  assert.equal(counts, {
    read: 3,
    trained: 2,
    truncated: 1,
    leftOut: [{ reason: 'too short', count: 1, examples: ['f:2'] }],
  });
});

test('packed: documents in the order of their rows', () => {
  const { ids, pieces, rows } = block(
    [
      [1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ],
    'bfd',
    5,
  );
  assert.equal([...ids], [4, 5, 6, 7, 1, 2, 3, 8, 9]);
  assert.equal([...pieces], [0, 4, 7, 9]);
  assert.equal([...rows], [0, 1, 3]);
});

test('packed rows without anything trained are left out', () => {
  const { ids, rows, counts } = block([[0, 0, 0, 0, 5, 6]], 'bfd_split', 4);
  assert.equal([...ids], [5, 6]);
  assert.equal([...rows], [0, 1]);
  assert.is(counts.trained, 1);
});

test('a row whose only trained token begins a packed row is left out and counted', () => {
  const { counts } = block(
    [
      [1, 2, 3],
      [0, 5],
    ],
    'wrapped',
    4,
  );
  assert.is(counts.read, 2);
  assert.is(counts.trained, 1);
  assert.equal(counts.leftOut, [
    { reason: 'nothing left to train once cut at row ends', count: 1, examples: ['f:2'] },
  ]);
});

test('examples are a few, counts are all', () => {
  const { counts } = block(
    Array.from({ length: 9 }, () => []),
    false,
    null,
  );
  assert.is(counts.leftOut[0]?.count, 9);
  assert.is(counts.leftOut[0]?.examples.length, 5);
});

test.run();
