import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ShownRow } from '../../../src/batch/inspect.ts';
import { rowText } from '../../../src/cli/rowtext.ts';

const row: ShownRow = {
  index: 3,
  value: {},
  place: { file: 'x.jsonl', line: 7 },
  text: 'a😀bcd and more',
  spans: [],
  ids: Int32Array.of(1, 2, 3, 4),
  labels: Int32Array.of(-100, -100, 3, 4),
  offsets: Int32Array.of(0, 1, 1, 3, 3, 4, 4, 6),
  whole: 9,
  truncated: true,
  dropped: null,
};

test('trained tokens stand between marks, and where one ends and the next begins', () => {
  assert.is(
    rowText(row, false),
    'row 3  x.jsonl:7  4 of 9 tokens, 2 trained  truncated\na😀«b|cd» and more\n',
  );
});

test('trained tokens are green in two shades, and what is cut off is struck through', () => {
  const text = rowText(row, true);
  assert.ok(text.includes('\x1b[92mb\x1b[0m\x1b[32mcd\x1b[0m'), text);
  assert.ok(text.includes('\x1b[37ma\x1b[0m\x1b[90m😀\x1b[0m'), text);
  assert.ok(text.includes('\x1b[9;90m and more\x1b[0m'), text);
});

test('nothing of a row reaches the terminal as a control', () => {
  const text = 'a\x1b[2Jb\u202ec\r';
  const hostile = { ...row, text, offsets: Int32Array.of(0, 1, 1, 5, 5, 7, 7, 9) };
  assert.is(rowText(hostile, false).split('\n')[1], 'a[␛][2J«b[RLO]|c[␍]»');
});

test.run();
