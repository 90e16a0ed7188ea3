import {
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  statSync,
  utimesSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { env } from '../env.ts';
import { openSegment, type Segment, writeIndex } from './segment.ts';

/** Days after which the hash of a file that was not asked for is forgotten. */
const remembered = 30;

/** Where segments lie: a directory for each key. */
function root(): string {
  return join(env.cacheDir, 'encoded');
}

/** Where the hashes of files are remembered. */
export function hashes(): string {
  return join(env.cacheDir, 'hashes');
}

/** Segments of a key, whole ones; those that are not are removed. */
export function openSegments(key: string): Segment[] {
  return list(join(root(), key)).flatMap((path) => {
    const segment = openSegment(path);
    if (segment === null) remove(path);
    else touch(path);
    return segment ?? [];
  });
}

/**
 * Makes a log a segment of a key: it appears whole or not at all. The file stays open for its reader.
 * Whether that worked; where it did not, only time is lost.
 */
export function publish(key: string, segment: Segment): boolean {
  const directory = join(root(), key);
  try {
    if (segment.log.size * 4 > env.cacheLimit) return false;
    writeIndex(segment);
    mkdirSync(directory, { recursive: true });
    const name = basename(dirname(segment.log.path));
    renameSync(segment.log.path, join(directory, `${name}-${basename(segment.log.path)}`));
    prune(env.cacheLimit);
    return true;
  } catch {
    return false;
  }
}

/** Removes a segment; who reads it keeps it until the end. */
export function remove(path: string): void {
  rmSync(path, { force: true });
}

/** What the cache holds. */
export function usage(): { directory: string; bytes: number; entries: number } {
  const files = segments();
  const bytes = files.reduce((sum, { stat }) => sum + stat.size, 0);
  return {
    directory: root(),
    bytes,
    entries: new Set(files.map(({ path }) => dirname(path))).size,
  };
}

/** Removes what was not used for the longest time until no more than `limit` bytes are left. */
export function prune(limit: number): void {
  const files = segments().sort((a, b) => b.stat.mtimeMs - a.stat.mtimeMs);
  let bytes = 0;
  for (const { path, stat } of files) {
    bytes += stat.size;
    if (bytes > limit) remove(path);
  }
  for (const directory of list(root())) {
    try {
      rmdirSync(directory);
    } catch {
      // It holds something.
    }
  }
  const oldest = Date.now() - remembered * 86_400_000;
  for (const path of list(hashes())) if ((stated(path)?.mtimeMs ?? 0) < oldest) remove(path);
}

/** Notes that a file was used. */
export function touch(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // Another process removed it, or it is another user's.
  }
}

function segments(): { path: string; stat: Stats }[] {
  return list(root())
    .flatMap(list)
    .flatMap((path) => {
      const stat = stated(path);
      return stat ? { path, stat } : [];
    });
}

function stated(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).map((name) => join(directory, name));
  } catch {
    return [];
  }
}
