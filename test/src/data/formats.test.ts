/** The same rows in every kind of file, cut into bytes anyhow, are the same rows. */
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Dataset } from '../../../src/batch/dataset.ts';
import { copyCsv } from '../../../src/data/csv.ts';
import { indexElements } from '../../../src/data/elements.ts';
import { indexLines } from '../../../src/data/lines.ts';
import { RowFile } from '../../../src/data/rowfile.ts';
import type { RowIndex } from '../../../src/data/rows.ts';
import { tinyDirectory } from '../tokenizer/tiny.ts';
import { options } from '../worker/options.ts';
import { file, readRows } from './files.ts';

type Row = Record<string, string>;

/** A stream of numbers in [0, n). */
function random(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const pieces = [
  'a',
  ' ',
  '"',
  '""',
  ',',
  '\n',
  '\r\n',
  '{',
  '}]',
  '[',
  '\\',
  '\\"',
  ':',
  '\u00e9',
  '\u4e16',
  '\u{1f600}',
  '\t',
  "'",
  '\u2028',
  '\ufeff',
];

function makeRows(seed: number, count: number, columns: string[], oneLine = false): Row[] {
  const pick = random(seed);
  const usable = oneLine ? pieces.filter((piece) => !/[\r\n]/.test(piece)) : pieces;
  const text = () =>
    `x${Array.from({ length: pick(12) }, () => usable[pick(usable.length)]).join('')}.`;
  return Array.from({ length: count }, () =>
    Object.fromEntries(columns.map((name) => [name, text()])),
  );
}

const cell = (text: string): string =>
  /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

function csv(rows: Row[], columns: string[], end = '\n'): string {
  const lines = rows.map((row) => columns.map((name) => cell(row[name] ?? '')).join(','));
  return [columns.join(','), ...lines, ''].join(end);
}

function parquet(rows: Row[], columns: string[]): Buffer {
  const columnData = columns.map((name) => ({
    name,
    data: rows.map((row) => row[name]),
    type: 'STRING' as const,
  }));
  return Buffer.from(parquetWriteBuffer({ columnData: columnData as never, rowGroupSize: 7 }));
}

/** The bytes cut anywhere, also inside of characters; some chunks are empty. */
function* cut(bytes: Buffer, pick: (n: number) => number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + pick(pick(3) === 0 ? 3 : 40));
    yield bytes.subarray(at, end);
    at = end;
  }
}

const ranges = (index: RowIndex) => Array.from({ length: index.length }, (_, i) => index.at(i));

test('every kind of file, plain and packed, holds the same rows', async () => {
  for (const columns of [['text'], ['prompt', 'completion'], ['instruction', 'input', 'output']]) {
    const rows = makeRows(columns.length, 30, columns);
    const contents: Record<string, string | Buffer> = {
      'a.jsonl': rows.map((row) => JSON.stringify(row)).join('\n'),
      'b.json': JSON.stringify(rows, null, 1),
      'c.json': rows.map((row) => JSON.stringify(row)).join('\r\n'),
      'd.csv': csv(rows, columns),
      'e.csv': csv(rows, columns, '\r\n'),
      'f.parquet': parquet(rows, columns),
    };
    for (const [name, content] of Object.entries(contents)) {
      for (const path of [file(name, content), file(`${name}.gz`, gzipSync(content))]) {
        assert.equal(
          (await readRows(path)).map(([, row]) => row),
          rows,
          path,
        );
      }
    }
  }
  const rows = makeRows(3, 30, ['text'], true);
  const lines = rows.map(({ text }) => text).join('\n');
  assert.equal(
    (await readRows(file('a.txt', lines))).map(([, row]) => row),
    rows,
  );
  assert.equal(
    (await readRows(file('a.txt.gz', gzipSync(lines)))).map(([, row]) => row),
    rows,
  );
});

test('however the bytes are cut, the rows and their lines are the same', async () => {
  const pick = random(17);
  for (let trial = 0; trial < 40; trial++) {
    const columns = ['text', 'note'];
    const rows = makeRows(100 + trial, 1 + pick(12), columns);
    const jsonl = Buffer.from(
      rows.map((row) => `${JSON.stringify(row)}${'\n'.repeat(1 + pick(3))}`).join(''),
    );
    assert.equal(ranges(await indexLines(cut(jsonl, pick))), ranges(await indexLines([jsonl])));
    const json = Buffer.from(JSON.stringify(rows, null, pick(3)));
    assert.equal(ranges(await indexElements(cut(json, pick))), ranges(await indexElements([json])));
    const table = Buffer.from(csv(rows, columns, pick(2) ? '\n' : '\r\n'));
    const copy = new RowFile(file('copy.jsonl', ''));
    await copyCsv(Readable.from(cut(table, pick)), 'a.csv', copy);
    copy.close();
    const copied = readFileSync(copy.path, 'utf8').trimEnd().split('\n');
    assert.equal(
      copied.map((line) => JSON.parse(line)),
      rows,
    );
    const begins = (line: number) => table.toString().split(/\r\n|\n/)[line - 1] ?? '';
    for (const [i, { line }] of ranges(copy.rows).entries()) {
      const first = cell(rows[i]?.text ?? '').split(/\r\n|\n/)[0] ?? '';
      assert.ok(begins(line).startsWith(first), `${line}: ${begins(line)} | ${first}`);
    }
    const members = Buffer.concat([...cut(jsonl, pick)].map((part) => gzipSync(part)));
    assert.equal(
      await readRows(file('a.jsonl.gz', members)),
      await readRows(file('a.jsonl', jsonl)),
    );
  }
});

test('the accounts of every kind of file add up to its rows', async () => {
  const columns = ['prompt', 'completion'];
  const rows = makeRows(8, 60, columns);
  const short = makeRows(9, 40, ['text'], true);
  const jsonl = rows.map((row) => JSON.stringify(row)).join('\n');
  const files = [
    file('a.jsonl', jsonl),
    file('b.json.gz', gzipSync(JSON.stringify(rows))),
    file('c.csv', csv(rows, columns)),
    file('d.parquet', parquet(rows, columns)),
    file('e.txt', short.map(({ text }) => text).join('\n')),
  ];
  const tokenizerDir = tinyDirectory();
  for (const packing of [false, 'bfd'] as const) {
    const given = options({
      tokenizerDir,
      files,
      packing,
      maxLength: 20,
      sampling: 'random',
      workers: 2,
    });
    const dataset = await Dataset.open(given);
    try {
      const { sources, available, read, trained, leftOut } = await dataset.accounting();
      assert.equal(
        sources.map(({ rows: count }) => count),
        [60, 60, 60, 60, 40],
      );
      assert.is(available, 280);
      assert.is(read, 280);
      const out = leftOut.reduce((sum, { count }) => sum + count, 0);
      assert.ok(out > 0 && trained > 0);
      assert.is(trained + out, read);
    } finally {
      await dataset.close();
    }
  }
});

test.run();
