import { createReadStream, createWriteStream } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { dataError } from '../errors.ts';

/** Unpacks a gzip file into `to`. `name` is for messages. Throws `data` where it is broken. */
export function unpack(path: string, name: string, to: string): Promise<void> {
  return unpackStream(createReadStream(path), name, createWriteStream(to));
}

/** The same from one stream into another. */
export async function unpackStream(from: Readable, name: string, to: Writable): Promise<void> {
  try {
    await pipeline(from, createGunzip(), to);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') throw dataError(name, null, 'the gzip file ends too early');
    throw dataError(name, null, `the gzip file cannot be unpacked: ${message}`);
  }
}
