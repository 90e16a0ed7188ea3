import { constants, existsSync } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { requireInside } from '../confined.ts';
import { AttuneError } from '../errors.ts';
import { readBytes } from '../read.ts';
import { syncDirectory, writeSynced } from './durable.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the disk',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'no permission to write',
  EPERM: 'no permission to write',
  ENOTDIR: 'a part of the path is a file',
  ELOOP: 'it is a link, which is not followed; remove it',
  EFBIG: 'the file would be too large for the file system',
};

/** Opens a file of an output directory to go on with it; a link in its place is not followed. */
export const APPEND =
  constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | (constants.O_NOFOLLOW ?? 0);

/** One file of an output. */
export interface OutputFile {
  name: string;
  /** Bytes of its tensors; 0 for the small files. */
  size: number;
  /** Writes it, synced, at the path given. */
  write(path: string): Promise<void>;
  /** What it would hold if it were written now. */
  bytes(): Promise<Uint8Array>;
}

/** Any failure to write, as an AttuneError that names the file and says what went wrong. */
export function writeError(path: string, cause: unknown): AttuneError {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  if (cause instanceof AttuneError && cause.code === 'device') return cause;
  const full = /no space left/i.test(message);
  if (cause instanceof AttuneError && !full) return cause;
  const reason = full ? REASONS.ENOSPC : (REASONS[code] ?? message);
  return new AttuneError('device', `${path}: cannot be written: ${reason}`, { cause });
}

/** Makes a directory and those above it, one by one: Node's own recursion never ends below /proc. */
export async function makeDirectory(dir: string): Promise<void> {
  try {
    const missing: string[] = [];
    for (let path = resolve(dir); !existsSync(path); path = dirname(path)) missing.unshift(path);
    for (const path of missing) await mkdir(path).catch(ignoreExisting);
    if (!(await stat(dir)).isDirectory()) throw new Error('it is a file, not a directory');
  } catch (cause) {
    throw writeError(dir, cause);
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

/**
 * Writes files into a directory so that each appears whole or not at all: all are written under
 * temporary names first, and renamed once every one is on the disk.
 */
export async function writeFiles(
  dir: string,
  files: readonly Pick<OutputFile, 'name' | 'write'>[],
): Promise<void> {
  await makeDirectory(dir);
  const staged: { path: string; temporary: string }[] = [];
  try {
    for (const { name, write } of files) {
      const path = join(dir, name);
      const temporary = join(dirname(path), `.${name}.${process.pid}.tmp`);
      staged.push({ path, temporary });
      await rm(temporary, { force: true }); // It might be a link.
      await write(temporary).catch((cause) => {
        throw writeError(path, cause);
      });
    }
    for (const { path, temporary } of staged) await rename(temporary, path);
    await syncDirectory(dir);
  } catch (cause) {
    await Promise.all(staged.map(({ temporary }) => rm(temporary, { force: true })));
    throw writeError(dir, cause);
  }
}

/** A file with this text, synced. */
export function textFile(name: string, text: string): OutputFile {
  return {
    name,
    size: 0,
    write: async (path) => void (await writeSynced(path, Buffer.from(text))),
    bytes: async () => Buffer.from(text),
  };
}

/**
 * A copy of a file's bytes; not of its mode, which may forbid writing. Throws `checkpoint` for a link out of
 * its folder.
 */
export function copiedFile(name: string, source: string): OutputFile {
  requireInside(source, 'checkpoint');
  return {
    name,
    size: 0,
    write: async (path) => void (await writeSynced(path, readBytes(source, 'checkpoint'))),
    bytes: async () => readBytes(source, 'checkpoint'),
  };
}

/** Writes one file of many parts, whole or not at all. */
export async function writeParts(path: string, parts: AsyncIterable<string>): Promise<void> {
  const write = async (to: string) => {
    const file = await open(to, 'w');
    try {
      for await (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
  };
  await writeFiles(dirname(path), [{ name: basename(path), write }]);
}
