import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeHeader } from '../../../src/checkpoint/header.ts';
import { readHeader } from '../../../src/checkpoint/safetensors.ts';
import { rawFile, rejects, temporary, writeTensors } from './files.ts';

const dir = temporary();
const path = join(dir, 'x.safetensors');
const tensor = (begin: number, end: number, shape = [(end - begin) / 4], dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

test('what was written is read', async () => {
  const layout = [
    { name: 'b', dtype: 'F32', shape: [2, 3] },
    { name: 'a', dtype: 'BF16', shape: [5] },
    { name: 'none', dtype: 'F16', shape: [0, 4] },
    { name: 'scalar', dtype: 'F32', shape: [] },
  ] as const;
  writeTensors(path, layout);
  const read = await readHeader(path);
  assert.equal(
    read.map(({ name, dtype, shape, bytes }) => [name, dtype, shape, bytes]),
    [
      ['b', 'F32', [2, 3], 24],
      ['a', 'BF16', [5], 10],
      ['none', 'F16', [0, 4], 0],
      ['scalar', 'F32', [], 4],
    ],
  );
  const { header, offsets } = makeHeader(layout);
  assert.is(header.length % 8, 0);
  assert.equal(
    read.map(({ offset }) => offset),
    offsets,
  );
});

test('a header padded with spaces, with metadata, in any order', async () => {
  const json = JSON.stringify({
    __metadata__: { format: 'pt' },
    z: tensor(8, 16),
    a: tensor(0, 8),
  });
  writeFileSync(path, rawFile(`${json}   `, 16));
  assert.equal(
    (await readHeader(path)).map(({ name }) => name),
    ['a', 'z'],
  );
});

const hostile: [string, Buffer, string][] = [
  ['an empty file', Buffer.alloc(0), '0 bytes are too few'],
  ['a short file', Buffer.alloc(7), '7 bytes are too few'],
  ['a huge header', rawFile('{}', 0, 1n << 40n), 'header of 1099511627776 bytes; at most'],
  [
    'a header past the file',
    rawFile('{}', 0, 100n),
    'header of 100 bytes in a file of 10; truncated?',
  ],
  ['no JSON', rawFile('{"a":', 0), 'header is not JSON'],
  ['no UTF-8', rawFile(Uint8Array.of(0x22, 0xff, 0x22), 0), 'header is not JSON'],
  ['no object', rawFile('[]', 0), 'header is not a JSON object'],
  ['an entry that is no object', rawFile('{"a":3}', 0), 'tensor a: entry is not an object'],
  [
    'an unknown dtype',
    rawFile(JSON.stringify({ a: tensor(0, 8, [2], 'F4') }), 8),
    'unknown dtype "F4"',
  ],
  [
    'a dtype from the prototype',
    rawFile(JSON.stringify({ a: tensor(0, 8, [2], 'constructor') }), 8),
    'unknown dtype',
  ],
  [
    'a negative size',
    rawFile(JSON.stringify({ a: tensor(0, 8, [-2]) }), 8),
    'shape [-2] is not a list of sizes',
  ],
  [
    'a fraction',
    rawFile(JSON.stringify({ a: tensor(0, 6, [1.5]) }), 8),
    'shape [1.5] is not a list of sizes',
  ],
  [
    'an overflow',
    rawFile(JSON.stringify({ a: tensor(0, 8, [2 ** 31, 2 ** 31]) }), 8),
    'is too large',
  ],
  [
    'a wrong length',
    rawFile(JSON.stringify({ a: tensor(0, 8, [3]) }), 8),
    '8 bytes for F32 [3], which takes 12',
  ],
  ['reversed offsets', rawFile(JSON.stringify({ a: tensor(8, 0, [2]) }), 8), '-8 bytes for F32'],
  [
    'three offsets',
    rawFile('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}', 8),
    'are not two byte positions',
  ],
  ['data past the file', rawFile(JSON.stringify({ a: tensor(0, 800) }), 8), 'truncated?'],
  [
    'an overlap',
    rawFile(JSON.stringify({ a: tensor(0, 8), b: tensor(4, 12) }), 12),
    'tensor b overlaps the one before it',
  ],
  [
    'a hole',
    rawFile(JSON.stringify({ a: tensor(0, 4), b: tensor(8, 12) }), 12),
    '4 bytes before tensor b belong to none',
  ],
  [
    'a tail',
    rawFile(JSON.stringify({ a: tensor(0, 4) }), 12),
    '8 bytes after the last tensor belong to none',
  ],
  [
    'a tensor twice',
    rawFile(
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      4,
    ),
    'tensor a is listed twice',
  ],
  [
    '__proto__',
    rawFile('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
    '__proto__ is not allowed',
  ],
];
for (const [what, bytes, message] of hostile) {
  test(`refused: ${what}`, async () => {
    writeFileSync(path, bytes);
    await rejects(() => readHeader(path), 'checkpoint', path, message);
  });
}

test('a missing file', () =>
  rejects(() => readHeader(join(dir, 'none')), 'checkpoint', 'none: cannot be read (ENOENT)'));

test.run();
