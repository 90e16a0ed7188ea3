import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeBuffer } from '../../src/data/decodeparquet.ts';
import { AttuneError } from '../../src/errors.ts';
import type { Target } from '../target.ts';
import { memoryRows } from './memory.ts';

const golden = join(import.meta.dirname, '../../test/golden/parquet');

// As in the thread that decodes: the library leaves rejections behind.
process.on('unhandledRejection', () => {});

/** Parquet files of every codec. They are decoded in a thread of their own, which may end. */
export const target: Target = {
  name: 'parquet',
  seeds: ['none', 'snappy', 'gzip', 'brotli', 'lz4', 'v2'].map((codec) =>
    readFileSync(join(golden, `texts-${codec}.parquet`)),
  ),
  words: ['PAR1', '\x15\x00', '\x15\x04', '\x19\x4c', '\xff\xff\xff\xff\x0f', '\x00'],
  json: false,
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
