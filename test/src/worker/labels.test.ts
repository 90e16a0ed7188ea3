import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Span } from '../../../src/template/segments.ts';
import { countTrained, labelTokens, recordLabels } from '../../../src/worker/labels.ts';

/** Five tokens of "ab cd ef": [BOS] "ab" " c" "d " "ef". */
const ids = Int32Array.of(1, 10, 11, 12, 13);
const offsets = Int32Array.of(0, 0, 0, 2, 2, 4, 4, 6, 6, 8);

function labels(...spans: Span[]): number[] {
  return [...labelTokens(ids, offsets, spans)];
}

test('five tokens by hand', () => {
  assert.equal(labels([0, 8, true]), [1, 10, 11, 12, 13]);
  assert.equal(labels([0, 8, false]), [-100, -100, -100, -100, -100]);
  assert.equal(labels([0, 4, false], [4, 8, true]), [-100, -100, -100, 12, 13]);
  assert.equal(labels([0, 2, true], [2, 6, false], [6, 8, true]), [1, 10, -100, -100, 13]);
});

test('a token that straddles the boundary is trained', () => {
  assert.equal(labels([0, 3, false], [3, 8, true]), [-100, -100, 11, 12, 13]);
  assert.equal(labels([0, 5, true], [5, 8, false]), [1, 10, 11, 12, -100]);
  assert.equal(
    labels([0, 2, false], [2, 3, false], [3, 4, true], [4, 8, false]),
    [-100, -100, 11, -100, -100],
  );
});

test('a token without width goes with the span at its place', () => {
  const end = Int32Array.of(0, 2, 2, 2);
  const two = Int32Array.of(5, 6);
  assert.equal([...labelTokens(two, end, [[0, 2, true]])], [5, 6]);
  assert.equal([...labelTokens(two, end, [[0, 2, false]])], [-100, -100]);
  const split: Span[] = [
    [0, 1, false],
    [1, 2, true],
  ];
  assert.equal(
    [...labelTokens(Int32Array.of(1, 5, 6), Int32Array.of(0, 0, 0, 1, 1, 2), split)],
    [-100, -100, 6],
  );
});

test('bytes of one character are trained together', () => {
  const spans: Span[] = [
    [0, 2, false],
    [2, 3, true],
  ];
  const found = labelTokens(Int32Array.of(1, 2, 3), Int32Array.of(0, 2, 0, 2, 2, 3), spans);
  assert.equal([...found], [-100, -100, 3]);
});

test('masks of a pre-tokenized row', () => {
  const record = {
    shape: 'input_ids',
    ids: Int32Array.of(1, 2, 3),
    labels: null,
    completionMask: Uint8Array.of(0, 1, 1),
    assistantMask: Uint8Array.of(1, 1, 0),
  } as const;
  assert.equal([...recordLabels(record, null, null)], [-100, 2, -100]);
  assert.equal([...recordLabels(record, false, null)], [1, 2, -100]);
  assert.equal([...recordLabels(record, null, false)], [-100, 2, 3]);
  const own = { ...record, labels: Int32Array.of(-100, 7, 8) };
  assert.equal([...recordLabels(own, null, null)], [-100, 7, 8]);
});

test('the first label is never used', () => {
  assert.is(countTrained(Int32Array.of(1, -100, -100)), 0);
  assert.is(countTrained(Int32Array.of(1, 2, -100, 4)), 2);
  assert.is(countTrained(Int32Array.of(1, 2, -100, 4), 2, 4), 1);
  assert.is(countTrained(new Int32Array(0)), 0);
});

test.run();
