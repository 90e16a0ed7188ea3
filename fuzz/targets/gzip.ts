import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { unpack } from '../../src/data/gzip.ts';
import { AttuneError } from '../../src/errors.ts';
import type { Target } from '../target.ts';

const dir = mkdtempSync(join(tmpdir(), 'attune-fuzz-'));
const [packed, plain] = [join(dir, 'a.gz'), join(dir, 'a')];

/** gzip files. */
export const target: Target = {
  name: 'gzip',
  seeds: [
    gzipSync('{"text":"a"}\n'),
    Buffer.concat([gzipSync('{"text":"a"}\n'), gzipSync('{"text":"b"}\n')]),
    gzipSync(Buffer.alloc(2000, 'ab')),
  ],
  words: ['\x1f\x8b\x08', '\x00\x00\x00\x00', '\xff\xff'],
  json: false,
  async run(input) {
    writeFileSync(packed, input);
    await unpack(packed, 'fuzz', plain);
    return 'text';
  },
  refuses: (error) => error instanceof AttuneError && error.code === 'data',
};
