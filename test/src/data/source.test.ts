import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cache, file, problem, readRows, rejection } from './files.ts';

test('lines: CRLF, byte order mark, blank lines, no newline at the end', async () => {
  const path = file('a.jsonl', '\ufeff{"a":1}\r\n\r\n  \t\n{"a":2}\n{"a":"\u00e9"}');
  assert.equal(await readRows(path), [
    [1, { a: 1 }],
    [4, { a: 2 }],
    [5, { a: '\u00e9' }],
  ]);
});

test('a line longer than a chunk', async () => {
  const long = 'x'.repeat(9 << 20);
  const rows = await readRows(file('a.jsonl', `{"a":"${long}"}\n{"a":2}\n`));
  assert.equal(
    rows.map(([line]) => line),
    [1, 2],
  );
});

test('an array: nested brackets, brackets and escapes in strings, lines', async () => {
  const path = file('a.json', '[\n {"a":[1,{"b":"]}\\"["}]},\n\n {"a":\n2} , 3]\n');
  assert.equal(await readRows(path), [
    [2, { a: [1, { b: ']}"[' }] }],
    [4, { a: 2 }],
    [5, 3],
  ]);
});

test('a .json file of one row on every line', async () => {
  const rows = [
    [1, { a: 1 }],
    [3, { a: [{ b: 2 }] }],
  ];
  assert.equal(await readRows(file('a.json', '{"a":1}\n\n{"a":[{"b":2}]}\n')), rows);
  assert.equal(await readRows(file('b.json', '{"messages":[{"a":1}]}')), [
    [1, { messages: [{ a: 1 }] }],
  ]);
});

test('plain text: a row a line, blank lines are none', async () => {
  const path = file('a.TXT', '\ufeffone\r\n\n  two\u2028 \n \t\nthree "');
  assert.equal(await readRows(path), [
    [1, { text: 'one' }],
    [3, { text: '  two\u2028 ' }],
    [5, { text: 'three "' }],
  ]);
});

test('gzip: of every kind, in several members, and temporary files go away', async () => {
  const members = Buffer.concat([gzipSync('{"a":1}\n{"a"'), gzipSync(':2}\n')]);
  assert.equal(await readRows(file('a.jsonl.gz', members)), [
    [1, { a: 1 }],
    [2, { a: 2 }],
  ]);
  assert.equal(await readRows(file('a.json.GZ', gzipSync('[{"a":1}]'))), [[1, { a: 1 }]]);
  assert.equal(await readRows(file('a.txt.gz', gzipSync('x\n'))), [[1, { text: 'x' }]]);
  assert.equal(await readRows(file('a.csv.gz', gzipSync('a\nx\n'))), [[2, { a: 'x' }]]);
  assert.equal(readdirSync(join(cache, 'spool')), []);
});

test('bad JSON names its line', async () => {
  assert.match(
    await problem('a.jsonl', '{"a":1}\n\n{"a":}\n'),
    /^a\.jsonl:3: not valid JSON: unexpected "}"/,
  );
  assert.match(
    await problem('a.json', '[{"a":1},\n{"a":2,\n "b" 3}]'),
    /^a\.json:3: not valid JSON/,
  );
  assert.match(
    await problem('a.json', '{"a":1}\n{"a":\n'),
    /^a\.json:2: not valid JSON: it ends too early/,
  );
});

test('bytes that are not UTF-8 name their line', async () => {
  const bad = (before: string, after: string) =>
    Buffer.concat([Buffer.from(before), Buffer.of(0xe9), Buffer.from(after)]);
  assert.is(await problem('a.jsonl', bad('{"a":1}\n{"a":"', '"}\n')), 'a.jsonl:2: not valid UTF-8');
  assert.is(await problem('a.json', bad('[{"a":\n\n"', '"}]')), 'a.json:3: not valid UTF-8');
  assert.is(await problem('a.txt', bad('a\n\nb', '\nc')), 'a.txt:3: not valid UTF-8');
  assert.is(await problem('a.csv', bad('a,b\n1,"\n', '"\n')), 'a.csv:2: not valid UTF-8');
});

test('a file as a whole', async () => {
  assert.is(await problem('a.jsonl', ''), 'a.jsonl: empty file');
  for (const name of ['a.jsonl', 'a.json', 'a.txt', 'a.csv']) {
    assert.match(await problem(name, '\n \n'), /^a\.\w+: empty file/);
  }
  assert.match(await problem('a.json', '[]'), /^a\.json: empty file/);
  assert.match(await problem('a.csv', 'text,other\n'), /^a\.csv: empty file/);
  const utf16 = Buffer.from('{"text":"abc"}', 'utf16le');
  for (const name of ['a.jsonl', 'a.json', 'a.txt', 'a.csv']) {
    assert.match(
      await problem(name, Buffer.from('\ufeff{}', 'utf16le')),
      /: encoded as UTF-16: save/,
    );
    assert.match(await problem(name, utf16), /: encoded as UTF-16 without a byte order mark/);
    assert.match(await problem(name, Buffer.from(utf16).swap16()), /: encoded as UTF-16 without/);
    assert.match(await problem(name, '\0\0\0\0'), /: not text/);
  }
  assert.match(
    await rejection('data', readRows('/no/such.jsonl')),
    /^\/no\/such\.jsonl: no such file/,
  );
});

test('what a file is and what its name says', async () => {
  const gzip = gzipSync('{"a":1}\n');
  assert.match(
    await problem('a.jsonl', gzip),
    /^a\.jsonl: gzip-compressed, .* rename it to end in \.gz/,
  );
  assert.match(await problem('a.parquet', gzip), /^a\.parquet: gzip-compressed/);
  assert.match(await problem('a.jsonl.gz', '{"a":1}\n'), /^a\.jsonl\.gz: not gzip-compressed/);
  assert.match(await problem('a.jsonl.gz', gzipSync(gzip)), /^a\.jsonl\.gz: gzip-compressed twice/);
  assert.is(
    await problem('a.jsonl.gz', gzip.subarray(0, -9)),
    'a.jsonl.gz: the gzip file ends too early',
  );
  const broken = Buffer.from(gzip);
  broken.writeUInt32LE(1, broken.length - 8);
  assert.match(
    await problem('a.jsonl.gz', broken),
    /^a\.jsonl\.gz: the gzip file cannot be unpacked/,
  );
  assert.match(await problem('a.jsonl', 'PAR1....'), /^a\.jsonl: a Parquet file, though/);
  assert.match(await problem('a.parquet', '{"a":1}'), /^a\.parquet: not a Parquet file/);
  assert.match(
    await problem('a.parquet', 'PAR1....PAR1'),
    /^a\.parquet: not a Parquet file that can/,
  );
  assert.match(
    await problem('a.tsv', 'a\n'),
    /^a\.tsv: not a kind of file that is read: known are/,
  );
  assert.match(await problem('a.jsonl.zst', 'a\n'), /: unpack the \.zst first/);
});

test('a .json file that is not an array says what to do', async () => {
  assert.match(await problem('a.json', '{"data":[{"a":1}],"n":1}'), /its rows are under "data"/);
  assert.match(await problem('a.json', '{"data":\n[{"a":1}]}'), /its rows are under "data"/);
  assert.match(await problem('a.json', '{"a":\n1}\n{"a":\n2}\n'), /write \[ before the first row/);
  assert.match(await problem('a.json', '"x"'), /^a\.json: the top level is not an array of rows/);
  assert.match(await problem('a.json', '[{"a":1},\n'), /^a\.json:2: .*not closed/);
  assert.match(await problem('a.json', '[{"a":1},]'), /^a\.json:1: a row is missing/);
  assert.match(await problem('a.json', '[{"a":1}]\n]'), /^a\.json:2: there is text after/);
});

test('CSV: quotes, line breaks, lists, empty cells', async () => {
  const path = file(
    'a.csv',
    '\ufefftext,messages\r\n"a ""b"", \r\nc",\r\n\r\nd,"[{""role"":""user""}]"\r\n,[]\r\n',
  );
  assert.equal(await readRows(path), [
    [2, { text: 'a "b", \r\nc', messages: null }],
    [5, { text: 'd', messages: [{ role: 'user' }] }],
    [6, { text: '', messages: [] }],
  ]);
});

test('CSV that is not whole', async () => {
  assert.is(
    await problem('a.csv', 'a,b\n1,2\n\n3\n'),
    'a.csv:4: this record has 1 fields, the first has 2',
  );
  assert.match(await problem('a.csv', 'a,b\n1,"\n2\n'), /^a\.csv:2: a quoted field is not closed/);
  assert.match(await problem('a.csv', 'a,b\n1,2"x"\n'), /^a\.csv:2: a quote inside a field/);
  assert.match(await problem('a.csv', 'a,b\n1,"2"x\n'), /^a\.csv:2: text behind the closing quote/);
  assert.match(await problem('a.csv', 'a,a\n1,2\n'), /^a\.csv:1: two columns are called "a"/);
  assert.match(
    await problem('a.csv', 'messages\n"[{\'a\': 1}]"\n'),
    /^a\.csv:2: column "messages" must hold/,
  );
  assert.match(await problem('a.csv', 'a\nx\0\n'), /^a\.csv:2: a zero character/);
});

test.run();
