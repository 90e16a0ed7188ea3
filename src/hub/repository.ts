import { join } from 'node:path';
import { isPlainPath } from '../confined.ts';
import { env } from '../env.ts';
import { AttuneError } from '../errors.ts';

/** A repository of the hub, at one revision. */
export interface Repository {
  type: 'model' | 'dataset';
  /** `owner/name`. */
  id: string;
  /** Branch, tag or commit. */
  revision: string;
}

/** A file of a repository. */
export interface RemoteFile {
  path: string;
  size: number;
  /** SHA-256 of a large file, or git's SHA-1 of a small one: what its content must hash to. */
  hash: string;
}

/** Whether a text could be the id of a repository: `owner/name`, of letters, digits, `-`, `_` and `.`. */
export function isRepositoryId(text: string): boolean {
  return /^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(text) && !text.includes('..') && !text.includes('--');
}

/** Where the hub's other programs keep a repository, too. */
export function cacheFolder({ type, id }: Repository): string {
  return join(env.hub.cache, `${type}s--${id.replaceAll('/', '--')}`);
}

/** An error about a repository, of the code that its type goes with. */
export function hubError({ type, id }: Repository, message: string, cause?: unknown): AttuneError {
  return new AttuneError(type === 'model' ? 'checkpoint' : 'data', `${id}: ${message}`, { cause });
}

/**
 * Throws for a path of a repository that could lead out of the folder it is put in, on any system.
 */
export function checkPath(repository: Repository, path: string): void {
  if (isPlainPath(path)) return;
  throw hubError(
    repository,
    `refused: ${JSON.stringify(path)} is no plain path; take a repository, or a revision, without it`,
  );
}
