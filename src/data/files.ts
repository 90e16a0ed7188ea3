import { readdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { requireInside } from '../confined.ts';
import { AttuneError, dataError } from '../errors.ts';
import { requireKind } from './kinds.ts';

/**
 * A data file as it is asked for: its path, or path and weight. A path may be a directory, or `-`
 * for standard input; `weight` is how often each row is used in an epoch (default 1; 0.5: a half
 * of the rows). As text, `path:weight`.
 */
export type DataFile = string | { readonly path: string; readonly weight: number };

/** A file to be read. */
export interface WeightedFile {
  path: string;
  weight: number;
}

export const standardInput = '-';

/** `a.jsonl:0.5` as path and weight; other text is the path alone, with weight 1. */
export function splitWeight(given: DataFile): WeightedFile {
  if (typeof given !== 'string') return { path: given.path, weight: given.weight };
  const [, path, weight] = /^(.+):([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)$/i.exec(given) ?? [];
  if (path === undefined || isThere(given)) return { path: given, weight: 1 };
  return { path, weight: Number(weight) };
}

/**
 * The files to read, in order. A directory stands for the files below it, sorted by path; names
 * that begin with a dot are passed over, and any other that is no data file is an error. Throws
 * `data`, naming the file.
 */
export function listFiles(given: readonly DataFile[]): WeightedFile[] {
  const files = given.map(splitWeight).flatMap(({ path, weight }) => {
    if (!(weight > 0 && Number.isFinite(weight))) {
      throw new AttuneError('config', `${path}: the weight must be above 0, and is ${weight}`);
    }
    if (path === standardInput) return [{ path, weight }];
    const isDirectory = stat(path).isDirectory();
    const paths = isDirectory ? filesBelow(path) : [path];
    for (const each of paths) requireKind(each);
    if (paths.length === 0) throw dataError(path, null, 'the directory has no data files');
    return paths.map((each) => ({ path: each, weight }));
  });
  if (files.filter(({ path }) => path === standardInput).length > 1) {
    throw dataError(standardInput, null, 'standard input can be read only once');
  }
  return files;
}

function filesBelow(directory: string): string[] {
  const paths: string[] = [];
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue;
    const path = join(directory, entry.name);
    if (stat(path).isDirectory()) {
      if (entry.isSymbolicLink())
        throw dataError(path, null, 'a link to a directory: name it itself');
      paths.push(...filesBelow(path));
    } else {
      requireInside(path, 'data', directory);
      paths.push(path);
    }
  }
  return paths.sort((a, b) => (a < b ? -1 : 1));
}

function stat(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw dataError(path, null, missing ? 'no such file' : (error as Error).message);
  }
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
