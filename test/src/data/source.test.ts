import { basename } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RowReader } from '../../../src/data/reader.ts';
import { openSource } from '../../../src/data/source.ts';
import { failure, file } from './files.ts';

/** [line, value] of every row. */
function rows(path: string): [number, unknown][] {
  const source = openSource(path);
  const reader = new RowReader(path);
  const all = Array.from({ length: source.rows.length }, (_, i): [number, unknown] => {
    const range = source.rows.at(i);
    return [range.line, reader.read(range)];
  });
  reader.close();
  return all;
}

function message(name: string, content: string | Uint8Array): string {
  const path = file(name, content);
  return failure('data', () => rows(path)).replace(path, basename(path));
}

test('lines: CRLF, byte order mark, blank lines, no newline at the end', () => {
  const path = file('a.jsonl', '\ufeff{"a":1}\r\n\r\n  \t\n{"a":2}\n{"a":"\u00e9"}');
  assert.equal(rows(path), [
    [1, { a: 1 }],
    [4, { a: 2 }],
    [5, { a: '\u00e9' }],
  ]);
});

test('a line longer than a chunk', () => {
  const long = 'x'.repeat(9 << 20);
  const path = file('a.jsonl', `{"a":"${long}"}\n{"a":2}\n`);
  assert.equal(
    rows(path).map(([line]) => line),
    [1, 2],
  );
});

test('an array: nested brackets, brackets and escapes in strings, lines', () => {
  const path = file('a.json', '[\n {"a":[1,{"b":"]}\\"["}]},\n\n {"a":\n2} , 3]\n');
  assert.equal(rows(path), [
    [2, { a: [1, { b: ']}"[' }] }],
    [4, { a: 2 }],
    [5, 3],
  ]);
});

test('bad JSON names its line', () => {
  assert.match(message('a.jsonl', '{"a":1}\n\n{"a":}\n'), /^a\.jsonl:3: not valid JSON/);
  assert.match(message('a.json', '[{"a":1},\n{"a":2,\n "b" 3}]'), /^a\.json:3: not valid JSON/);
});

test('bytes that are not UTF-8 name their line', () => {
  const bytes = Buffer.concat([
    Buffer.from('{"a":1}\n{"a":"'),
    Buffer.of(0xe9),
    Buffer.from('"}\n'),
  ]);
  assert.is(message('a.jsonl', bytes), 'a.jsonl:2: not valid UTF-8');
  const array = Buffer.concat([Buffer.from('[{"a":\n\n"'), Buffer.of(0xe9), Buffer.from('"}]')]);
  assert.is(message('a.json', array), 'a.json:3: not valid UTF-8');
});

test('a file as a whole', () => {
  assert.is(message('a.jsonl', ''), 'a.jsonl: empty file');
  assert.match(message('a.jsonl', '\n \n'), /^a\.jsonl: empty file/);
  assert.match(message('a.json', '[]'), /^a\.json: empty file/);
  assert.is(message('a.json', ' \n'), 'a.json: empty file');
  assert.match(message('a.jsonl', Buffer.of(0x1f, 0x8b, 8, 0)), /^a\.jsonl: gzip-compressed/);
  assert.match(
    message('a.jsonl', Buffer.from('\ufeff{}', 'utf16le')),
    /^a\.jsonl: encoded as UTF-16/,
  );
  assert.match(message('a.jsonl', Buffer.from('{}', 'utf16le')), /^a\.jsonl: not text/);
  assert.match(message('a.csv', 'a\n1\n'), /^a\.csv: \.csv is not read yet: .* \.jsonl and \.json/);
  assert.match(
    failure('data', () => openSource('/no/such.jsonl')),
    /^\/no\/such\.jsonl: no such file/,
  );
});

test('a .json file that is not an array says what to do', () => {
  assert.match(message('a.json', '{"data":[{"a":1}],"n":1}'), /its rows are under "data"/);
  assert.match(message('a.json', '{"a":1}\n{"a":2}\n'), /rename it to \.jsonl/);
  assert.match(message('a.json', '[{"a":1},\n'), /^a\.json:2: .*not closed/);
  assert.match(message('a.json', '[{"a":1},]'), /^a\.json:1: a row is missing/);
  assert.match(message('a.json', '[{"a":1}]\n]'), /^a\.json:2: there is text after/);
});

test.run();
