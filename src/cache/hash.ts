import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { hashes, touch } from './directory.ts';

const chunk = 4 << 20;
/** A file that was changed less than so many milliseconds ago may change again unnoticed. */
const settled = 2000;

/** What a file is, unless somebody deceives: which one, how long, when it was changed last. */
export function identityOf(path: string): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

export function sha256(...parts: (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** SHA-256 of a file that is as it was when it was hashed last; null: it has to be read. */
export function rememberedHash(path: string): string | null {
  const memo = memoOf(identityOf(path));
  try {
    const hash = readFileSync(memo, 'utf8');
    if (!/^[0-9a-f]{64}$/.test(hash)) return null;
    touch(memo);
    return hash;
  } catch {
    return null;
  }
}

/**
 * SHA-256 of a file, read in the background unless it is remembered. Null once `signal` is aborted, and
 * for a file that changed meanwhile.
 */
export async function hashFile(path: string, signal?: AbortSignal): Promise<string | null> {
  const known = rememberedHash(path);
  if (known !== null) return known;
  const identity = identityOf(path);
  const started = Date.now();
  const file = await open(path);
  let hash: string | null;
  try {
    hash = await hashOf(file, signal);
  } finally {
    await file.close();
  }
  if (hash === null || identityOf(path) !== identity) return null;
  if (started - statSync(path).mtimeMs > settled) remember(memoOf(identity), hash);
  return hash;
}

async function hashOf(file: FileHandle, signal?: AbortSignal): Promise<string | null> {
  const hash = createHash('sha256');
  let buffers: [Buffer, Buffer] = [Buffer.allocUnsafe(chunk), Buffer.allocUnsafe(chunk)];
  let position = 0;
  let reading = file.read(buffers[0], 0, chunk, position);
  for (;;) {
    const { bytesRead } = await reading;
    if (signal?.aborted) return null;
    if (bytesRead === 0) return hash.digest('hex');
    position += bytesRead;
    reading = file.read(buffers[1], 0, chunk, position);
    hash.update(buffers[0].subarray(0, bytesRead));
    buffers = [buffers[1], buffers[0]];
  }
}

function memoOf(identity: string): string {
  return join(hashes(), sha256(identity));
}

function remember(memo: string, hash: string): void {
  try {
    mkdirSync(hashes(), { recursive: true });
    const temporary = `${memo}.${process.pid}`;
    writeFileSync(temporary, hash);
    renameSync(temporary, memo);
  } catch {
    // It is hashed again next time.
  }
}
