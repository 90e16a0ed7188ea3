import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { decodeBuffer } from '../../src/data/decodeparquet.ts';
import { AttuneError } from '../../src/errors.ts';
import type { Target } from '../target.ts';
import { memoryRows } from './memory.ts';

const golden = join(import.meta.dirname, '../../test/golden/parquet');

const columnData: Parameters<typeof parquetWriteBuffer>[0]['columnData'] = [
  { name: 'text', data: ['ab', 'c\u00e9', 'ab'], type: 'STRING' },
  { name: 'n', data: [1n, 2n ** 60n, -3n], type: 'INT64' },
  { name: 'x', data: [0.5, null, 2], type: 'DOUBLE', nullable: true },
];
/** Files of some hundred bytes: most of what is changed means something. */
const small = [
  { codec: 'UNCOMPRESSED' },
  { codec: 'SNAPPY' },
  { codec: 'GZIP', compressors: { GZIP: gzipSync } },
  { codec: 'BROTLI', compressors: { BROTLI: brotliCompressSync } },
  { codec: 'UNCOMPRESSED', rowGroupSize: 1, statistics: false },
] as const;
const written = small.map((options) => parquetWriteBuffer({ columnData, ...options }));

// As in the thread that decodes: the library leaves rejections behind.
process.on('unhandledRejection', () => {});

/** Parquet files of every codec. They are decoded in a thread of their own, which may end. */
export const target: Target = {
  name: 'parquet',
  seeds: [
    ...written.map((bytes) => new Uint8Array(bytes)),
    ...['texts-v2', 'chats'].map((name) => readFileSync(join(golden, `${name}.parquet`))),
  ],
  words: ['PAR1', '\x15\x00', '\x15\x04', '\x19\x4c', '\xff\xff\xff\xff\x0f', '\x00'],
  json: false,
  places: true,
  contained: true,
  async run(input) {
    const bytes = input.slice().buffer;
    const file = {
      byteLength: bytes.byteLength,
      slice: (start: number, end?: number) => bytes.slice(start, end),
    };
    const { rows, count } = memoryRows();
    await decodeBuffer(file, 'fuzz', async ({ line, rows: found }) => {
      found.forEach((json, i) => {
        if (typeof json === 'string') rows.write(json, line + i);
      });
    });
    return `${Math.min(3, count())} rows`;
  },
  refuses: (error) => error instanceof AttuneError && error.code === 'data',
};
