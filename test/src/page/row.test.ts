import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ByteReader, ByteWriter } from '../../../src/page/bytes.ts';
import { COLUMNS, type Columns, joinColumns, splitColumns } from '../../../src/page/model.ts';
import { type PageRow, readRow, readText, rowStarts, writeRow } from '../../../src/page/row.ts';
import { visiblePieces, visibleText } from '../../../src/page/visible.ts';

const rows: PageRow[] = [
  {
    text: 'naïve 😀 \u202e text',
    ids: Int32Array.of(1, 300, 151_643, 0),
    // One without width, two that share a character, one after a gap.
    offsets: Int32Array.of(0, 0, 6, 8, 6, 8, 9, 10),
    trained: Uint8Array.of(0, 1, 0, 1),
    losses: null,
  },
  {
    text: '',
    ids: new Int32Array(0),
    offsets: new Int32Array(0),
    trained: new Uint8Array(0),
    losses: null,
  },
  {
    text: 'x'.repeat(70_000),
    ids: Int32Array.of(5, 6),
    offsets: Int32Array.of(0, 69_999, 69_999, 70_000),
    trained: Uint8Array.of(0, 1),
    losses: Uint8Array.of(255, 17),
  },
];

test('rows are read as they were written, in any order', () => {
  const out = new ByteWriter();
  for (const row of rows) writeRow(out, row, new ByteWriter());
  const bytes = out.take();
  const starts = rowStarts(new ByteReader(bytes));
  assert.is(starts.length, rows.length);
  for (const place of [2, 0, 1]) {
    assert.equal(readRow(new ByteReader(bytes, starts[place])), rows[place]);
    assert.is(readText(new ByteReader(bytes, starts[place])), rows[place]?.text);
  }
});

test('integers of every size come back', () => {
  const out = new ByteWriter();
  const values = [0, 1, 127, 128, 2 ** 31, 2 ** 32 - 1];
  for (const value of values) out.count(value);
  for (const value of values) out.signed(-Math.floor(value / 2));
  const from = new ByteReader(out.take());
  assert.equal(
    values.map(() => from.count()),
    values,
  );
  assert.equal(
    values.map(() => from.signed()),
    values.map((value) => -Math.floor(value / 2) || 0),
  );
  assert.ok(from.done);
});

test('columns come back from their bytes', () => {
  const columns = Object.fromEntries(
    Object.entries(COLUMNS).map(([name, Type], i) => [name, Type.of(i, i + 1, i + 2)]),
  ) as unknown as Columns;
  assert.equal(splitColumns(joinColumns(columns), 3), columns);
});

test('nothing is hidden, and what shapes letters stays', () => {
  assert.is(visibleText('a\0b\x1b[31m\r\n\t\u202eevil\u202c'), 'a[␀]b[␛][31m[␍]\n\t[RLO]evil[PDF]');
  assert.is(visibleText('x\u200by\ufeff\u00ad\u{e0041}'), 'x[ZWSP]y[BOM][SHY][U+E0041]');
  assert.is(visibleText('👩\u200d👧 ❤\ufe0f می\u200cخواهم'), '👩\u200d👧 ❤\ufe0f می\u200cخواهم');
  assert.is(visibleText('\u200d\u200d lone \ud800'), '[ZWJ][ZWJ] lone [U+D800]');
  assert.equal(visiblePieces('plain'), [{ text: 'plain', isName: false }]);
});

test.run();
