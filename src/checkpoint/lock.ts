import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AttuneError } from '../errors.ts';
import { makeDirectory, writeError } from './files.ts';

/** Where one run at a time may write. */
export interface Lock {
  release(): Promise<void>;
}

/**
 * Takes an output directory for this process, making it where it does not exist. A lock whose
 * process has ended is taken over. Throws `config`, naming the holder, where another run has it.
 */
export async function lockDirectory(dir: string): Promise<Lock> {
  const path = join(dir, '.attune.lock');
  await makeDirectory(dir);
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await claim(path)) return { release: () => rm(path, { force: true }) };
    const holder = await readHolder(path);
    if (holder && isAlive(holder)) {
      throw new AttuneError(
        'config',
        `output_dir: ${dir} is in use by process ${holder.pid} on ${holder.host}; if that run is gone, remove ${path}`,
      );
    }
    await rm(path, { force: true });
  }
  throw new AttuneError('config', `output_dir: ${dir} is in use by another run`);
}

/** Linking a finished file, so that nobody ever reads half a lock. False where there is one. */
async function claim(path: string): Promise<boolean> {
  const own = `${path}.${process.pid}`;
  try {
    await writeFile(own, `${JSON.stringify({ pid: process.pid, host: hostname() })}\n`);
    await link(own, path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw writeError(path, cause);
    return false;
  } finally {
    await rm(own, { force: true });
  }
}

interface Holder {
  pid: number;
  host: string;
}

async function readHolder(path: string): Promise<Holder | null> {
  try {
    const { pid, host } = JSON.parse(await readFile(path, 'utf8'));
    return Number.isSafeInteger(pid) && pid > 0 ? { pid, host: String(host) } : null;
  } catch {
    return null;
  }
}

/** A process of another host cannot be seen from here and counts as alive. */
function isAlive({ pid, host }: Holder): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
