import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeError } from './files.ts';

/** Bytes hashed and written at a time; the event loop is free in between. */
const PART = 1 << 20;

/** What is done while a disk is full: `tell` hears of it once, `signal` ends the wait. */
export interface Patience {
  tell(message: string): void;
  signal?: AbortSignal | undefined;
  /** Milliseconds of the first wait; each is twice as long as the one before, up to 5 seconds. */
  wait?: number;
}

/** How long and under which checksum a file was written. */
export interface Stamp {
  bytes: number;
  sha256: string;
}

/** The stamp of bytes in memory. */
export function stampOf(bytes: Uint8Array): Stamp {
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** The stamp of a file, read in parts. Rejects with what the file system says. */
export async function stampFile(path: string): Promise<Stamp> {
  const file = await open(path);
  try {
    const hash = createHash('sha256');
    const { size } = await file.stat();
    const part = Buffer.allocUnsafe(Math.max(1, Math.min(PART, size)));
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await file.read(part, 0, part.length, bytes);
      if (bytesRead === 0) return { bytes, sha256: hash.digest('hex') };
      hash.update(part.subarray(0, bytesRead));
      bytes += bytesRead;
    }
  } finally {
    await file.close();
  }
}

/** Writes a file and syncs it; the stamp is of what was in memory, not of what arrived. */
export async function writeSynced(path: string, bytes: Uint8Array): Promise<Stamp> {
  const file = await open(path, 'w');
  try {
    const hash = createHash('sha256');
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + PART);
      hash.update(part);
      for (let done = 0; done < part.length; ) {
        done += (await file.write(part, done, part.length - done)).bytesWritten;
      }
      at += part.length;
    }
    await file.sync();
    return { bytes: bytes.length, sha256: hash.digest('hex') };
  } finally {
    await file.close();
  }
}

/** Makes the names in a directory durable. */
export async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whether an error says that the disk, or the quota, is full. */
export function isFull(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT' || /no space left/i.test(cause.message)) return true;
  }
  return false;
}

/** Failures that often pass by themselves, of network file systems above all. */
const TRANSIENT = new Set(['EIO', 'EAGAIN', 'EINTR', 'EBUSY', 'ESTALE', 'ETIMEDOUT', 'EREMOTEIO']);
const TRIES = 3;

function isTransient(error: unknown): boolean {
  return error instanceof Error && TRANSIENT.has((error as NodeJS.ErrnoException).code ?? '');
}

/**
 * Repeats `attempt` until the disk has room for it, and a few times where it failed otherwise but
 * may not fail again. Whatever else fails is thrown as an AttuneError that names `path`; so is a
 * full disk once `signal` has aborted.
 */
export async function patiently<T>(
  path: string,
  attempt: () => Promise<T>,
  { tell, signal, wait = 500 }: Patience,
): Promise<T> {
  let failures = 0;
  for (let waits = 0; ; ) {
    try {
      const result = await attempt();
      if (waits > 0) tell(`${path}: there is space again; it is written`);
      return result;
    } catch (cause) {
      if (isFull(cause) && !signal?.aborted) {
        if (waits++ === 0) {
          tell(`${path}: no space left on the disk; waiting until there is (free some, or stop)`);
        }
        await pause(Math.min(5000, wait * 2 ** (waits - 1)), signal);
      } else if (isTransient(cause) && ++failures < TRIES) {
        tell(`${path}: ${(cause as Error).message}; trying again`);
        await pause(wait * failures, signal);
      } else throw writeError(path, cause);
    }
  }
}

/** Ends early when `signal` aborts. */
async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(milliseconds, undefined, signal ? { signal } : {}).catch(() => {});
}
