import { randomUUID } from 'node:crypto';
import { constants, readFileSync, readlinkSync } from 'node:fs';
import { link, open, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AttuneError } from '../errors.ts';
import { makeDirectory, writeError } from './files.ts';

/** Where one run at a time may write. */
export interface Lock {
  release(): Promise<void>;
}

/** Milliseconds between signs of life, and of silence after which nobody is there any more. */
export interface Pulse {
  beat: number;
  silence: number;
}

const PULSE: Pulse = { beat: 5000, silence: 20_000 };

/**
 * Takes an output directory for this thread, making it where it does not exist. A lock whose
 * process or thread has ended is taken over; one of another machine where its file is not touched for a while
 * (a container that was killed comes back under another name). Throws `config`, naming the holder,
 * where another run has it.
 */
export async function lockDirectory(dir: string, pulse: Pulse = PULSE): Promise<Lock> {
  const path = join(dir, '.attune.lock');
  await makeDirectory(dir);
  for (let attempt = 0; attempt < 10; attempt++) {
    const own = await claim(path);
    if (own !== null) return hold(path, own, pulse);
    const text = await textOf(path);
    if (text === null) continue;
    const holder = parseHolder(text);
    if (holder && (await isAlive(path, holder, pulse))) {
      throw new AttuneError(
        'config',
        `output_dir: ${dir} is in use by process ${holder.pid} on ${holder.host}; if that run is gone, remove ${path}`,
      );
    }
    await takeAway(path, text, pulse);
  }
  throw new AttuneError('config', `output_dir: ${dir} is in use by another run`);
}

function hold(path: string, own: string, { beat }: Pulse): Lock {
  const timer = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, beat).unref();
  return {
    release: async () => {
      clearInterval(timer);
      // Another machine took it over where this one was silent for too long.
      if ((await textOf(path)) === own) await rm(path, { force: true });
    },
  };
}

/** Linking a finished file, so that nobody ever reads half a lock. Its text; null where there is one already. */
async function claim(path: string): Promise<string | null> {
  const own = `${path}.${randomUUID()}`;
  const { pid } = process;
  try {
    const thread = ownThread();
    const started = startOf(pid, thread);
    const holder: Holder = { pid, host: hostname(), thread, started };
    const text = `${JSON.stringify(holder)}\n`;
    await writeFile(own, text);
    await link(own, path);
    return text;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw writeError(path, cause);
    return null;
  } finally {
    await rm(own, { force: true });
  }
}

/**
 * Removes a lock that still reads so, whose holder is dead. One at a time does this: each announces itself by
 * a file of its own, and goes on where it then finds no other that lives. The first by name waits for that,
 * the rest give way. What the dead announced can be removed by anybody, for no name comes back.
 */
async function takeAway(path: string, text: string, pulse: Pulse): Promise<void> {
  const own = `${path}.taking.${randomUUID()}`;
  try {
    if ((await claim(own)) === null) return;
    for (let waits = 0; waits < 100; waits++) {
      const others = await takers(path, own, pulse);
      if (others.some((other) => other < own)) return;
      if (others.length === 0) {
        const now = await textOf(path);
        if (now === text) await rm(path, { force: true });
        return;
      }
      await sleep(10);
    }
  } finally {
    await rm(own, { force: true });
    await sleep(20);
  }
}

/** Announcements of others that live. */
async function takers(path: string, own: string, pulse: Pulse): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(dirname(path))) {
    const other = join(dirname(path), name);
    // Longer names are of files that are not finished.
    if (!other.startsWith(`${path}.taking.`) || other.length !== own.length || other === own) {
      continue;
    }
    const holder = parseHolder((await textOf(other)) ?? '');
    if (holder && (await isAlive(other, holder, pulse))) found.push(other);
    else await rm(other, { force: true });
  }
  return found;
}

/** What a lock says; nothing for a link, which no run has made, and null where there is none. */
async function textOf(path: string): Promise<string | null> {
  const flag = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0);
  return readFile(path, { encoding: 'utf8', flag }).catch((error: NodeJS.ErrnoException) => {
    return error.code === 'ELOOP' ? '' : null;
  });
}

interface Holder {
  pid: number;
  host: string;
  /** The thread of it that the run is in, as the system counts: a thread may be ended alone. */
  thread: number;
  /** When that started; another one with its number differs. */
  started: string | null;
}

function parseHolder(text: string): Holder | null {
  try {
    const { pid, host, thread, started } = JSON.parse(text);
    if (!Number.isSafeInteger(pid) || pid <= 0) return null;
    return {
      pid,
      host: String(host),
      thread: Number.isSafeInteger(thread) ? thread : pid,
      started: typeof started === 'string' ? started : null,
    };
  } catch {
    return null;
  }
}

/** The system's number of this thread; that of the process where it does not tell. */
function ownThread(): number {
  try {
    return Number(basename(readlinkSync('/proc/thread-self')));
  } catch {
    return process.pid;
  }
}

/**
 * Field 22 of its stat, ticks from boot to start; null where the system does not tell, and for one that has
 * ended and that nobody has asked after: it has a number as long as its parent lives.
 */
function startOf(pid: number, thread: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return /[ZX]/.test(fields[0]!) ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

async function isAlive(path: string, holder: Holder, pulse: Pulse): Promise<boolean> {
  const { pid, host, thread, started } = holder;
  if (host !== hostname()) return beats(path, pulse);
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return started === null || started === startOf(pid, thread);
}

/** Whether a lock is touched while it is watched; by opening it, which network file systems need. */
async function beats(path: string, { beat, silence }: Pulse): Promise<boolean> {
  const touched = async () => {
    const file = await open(path);
    try {
      return (await file.stat()).mtimeMs;
    } finally {
      await file.close();
    }
  };
  try {
    const before = await touched();
    for (let waited = 0; waited < silence; waited += beat) {
      await sleep(beat);
      if ((await touched()) !== before) return true;
    }
    return false;
  } catch {
    return false;
  }
}
