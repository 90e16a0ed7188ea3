import { Readable, Writable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { unpackStream } from '../../src/data/gzip.ts';
import { AttuneError } from '../../src/errors.ts';
import type { Target } from '../target.ts';

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
  places: true,
  async run(input) {
    let bytes = 0;
    const count = new Writable({
      write(chunk: Uint8Array, _, done) {
        bytes += chunk.length;
        done();
      },
    });
    await unpackStream(Readable.from([input]), 'fuzz', count);
    return bytes === 0 ? 'nothing' : 'text';
  },
  refuses: (error) => error instanceof AttuneError && error.code === 'data',
};
