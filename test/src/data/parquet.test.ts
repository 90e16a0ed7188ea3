import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { file, problem, readRows } from './files.ts';

const golden = join(import.meta.dirname, '../../golden/parquet');
const json = (name: string): unknown[] => JSON.parse(readFileSync(join(golden, name), 'utf8'));
const numbered = (rows: unknown[]): [number, unknown][] => rows.map((row, i) => [i + 1, row]);

type Columns = Parameters<typeof parquetWriteBuffer>[0]['columnData'];

function parquet(columnData: Columns): Buffer {
  return Buffer.from(parquetWriteBuffer({ columnData }));
}

test('structs, lists and nulls as pyarrow writes them; fields that are null are left out', async () => {
  assert.equal(await readRows(join(golden, 'chats.parquet')), numbered(json('chats.json')));
});

for (const name of ['none', 'snappy', 'gzip', 'brotli', 'lz4', 'v2']) {
  test(`${name}: every codec and several row groups`, async () => {
    assert.equal(
      await readRows(join(golden, `texts-${name}.parquet`)),
      numbered(json('texts.json')),
    );
  });
}

test('a row group that states more rows than its columns have values is refused at once', async () => {
  const bytes = parquet([{ name: 'text', data: ['a', 'b', 'c'], type: 'STRING' }]);
  // Thrift's compact form of the three rows of the group, the last number before the footer's end.
  const at = bytes.lastIndexOf(Buffer.from([0x16, 0x06]));
  const lying = Buffer.concat([
    bytes.subarray(0, at + 1),
    Buffer.from([0x86, 0xb5, 0x18]),
    bytes.subarray(at + 2),
  ]);
  lying.writeUInt32LE(bytes.readUInt32LE(bytes.length - 8) + 2, lying.length - 8);
  assert.match(
    await problem('lying.parquet', lying),
    /a row group of 200003 rows has 3 values in column text/,
  );
});

test('packed with gzip', async () => {
  const path = file('a.parquet.gz', gzipSync(readFileSync(join(golden, 'texts-none.parquet'))));
  assert.equal(await readRows(path), numbered(json('texts.json')));
});

test('integers beyond 2^53 become text, bytes text where they are', async () => {
  const big = 2n ** 60n + 1n;
  const bytes = [Uint8Array.of(0x61), Uint8Array.of(0xff, 0xfe)];
  const path = file(
    'a.parquet',
    parquet([
      { name: 'id', data: [5n, big], type: 'INT64' },
      { name: 'raw', data: bytes, type: 'BYTE_ARRAY' },
      { name: 'when', data: [new Date(0), new Date(1)], type: 'TIMESTAMP' },
    ]),
  );
  assert.equal(await readRows(path), [
    [1, { id: 5, raw: 'a', when: '1970-01-01T00:00:00.000Z' }],
    [2, { id: String(big), when: '1970-01-01T00:00:00.001Z' }],
  ]);
});

test('text that is not UTF-8 names its row and column', async () => {
  const good = parquet([{ name: 'text', data: ['one', 'tw\u00e9', 'three'], type: 'STRING' }]);
  const at = good.indexOf('tw\u00e9');
  good[at + 2] = 0x78;
  assert.is(await problem('a.parquet', good), 'a.parquet:2: column "text": not valid UTF-8');
});

test('a file that was cut, or has other bytes inside, is refused', async () => {
  const good = readFileSync(join(golden, 'texts-snappy.parquet'));
  for (const length of [5, 11, 100, good.length >> 1, good.length - 1]) {
    assert.match(
      await problem('a.parquet', good.subarray(0, length)),
      /^a\.parquet: not a Parquet file/,
    );
  }
  const empty = parquet([{ name: 'text', data: [], type: 'STRING' }]);
  assert.match(await problem('a.parquet', empty), /^a\.parquet: empty file/);
});

test.run();
