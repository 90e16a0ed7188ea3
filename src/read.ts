import { readFileSync, readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { AttuneError, type ErrorCode } from './errors.ts';

/** A file that is being read: its name for messages, and what kind of thing it holds. */
export interface Reading {
  name: string;
  code: ErrorCode;
}

/** Any failure to read, as an AttuneError that names the file; the system's own error may not. */
export function readError({ name, code }: Reading, cause: unknown): AttuneError {
  if (cause instanceof AttuneError) return cause;
  const { code: reason, message } = cause as NodeJS.ErrnoException;
  return new AttuneError(code, `${name}: cannot be read (${reason ?? message})`, { cause });
}

/** A whole file. Throws what `readError` says. */
export function readBytes(path: string, code: ErrorCode): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw readError({ name: path, code }, cause);
  }
}

/**
 * Fills `into` from `position` on, unless the file ends before; a file system may give less than it
 * was asked for. Returns the bytes read. Throws what `readError` says.
 */
export function readFullSync(
  handle: number,
  into: Uint8Array,
  position: number,
  reading: Reading,
): number {
  try {
    for (let done = 0; ; ) {
      const count = readSync(handle, into, done, into.length - done, position + done);
      done += count;
      if (count === 0 || done === into.length) return done;
    }
  } catch (cause) {
    throw readError(reading, cause);
  }
}

/** The same, while other things go on. */
export async function readFull(
  file: FileHandle,
  into: Uint8Array,
  position: number,
  reading: Reading,
): Promise<number> {
  try {
    for (let done = 0; ; ) {
      const { bytesRead } = await file.read(into, done, into.length - done, position + done);
      done += bytesRead;
      if (bytesRead === 0 || done === into.length) return done;
    }
  } catch (cause) {
    throw readError(reading, cause);
  }
}
