import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { env } from '../env.ts';
import { AttuneError } from '../errors.ts';
import { download } from './download.ts';
import { listRepository } from './listing.ts';
import { cacheFolder, hubError, type RemoteFile, type Repository } from './repository.ts';

/** Files of a repository on this machine. */
export interface Snapshot {
  directory: string;
  /** Paths in the repository, sorted. */
  paths: string[];
}

/** Files that are downloaded at the same time. */
const lanes = 4;

/**
 * Brings files of a repository into the hub's cache, where Python's programs find them too, and
 * gives the directory that they lie in. `choose` is given what the repository holds, and may read
 * files of it, to say what is wanted. What is there already is not asked for again. Throws as
 * `listRepository` and `download` do.
 */
export async function snapshot(
  repository: Repository,
  choose: (
    paths: string[],
    read: (path: string) => Promise<string>,
  ) => Promise<string[]> | string[],
): Promise<Snapshot> {
  const { commit, files } = await listRepository(repository);
  const directory = join(cacheFolder(repository), 'snapshots', commit);
  const byPath = new Map(files.map((file) => [file.path, file]));
  // Files of the same content share one download.
  const downloads = new Map<string, Promise<string>>();
  const bring = async (path: string): Promise<string> => {
    const file = byPath.get(path);
    if (file === undefined) throw hubError(repository, `it has no file ${path}`);
    const blob = downloads.get(file.hash) ?? fetchBlob(repository, commit, file);
    downloads.set(file.hash, blob);
    try {
      place(await blob, join(directory, path));
    } catch (cause) {
      if (cause instanceof AttuneError) throw cause;
      throw hubError(repository, `${path}: cannot be written (${(cause as Error).message})`, cause);
    }
    return join(directory, path);
  };
  const paths = [...(await choose([...byPath.keys()].sort(), bring))];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < paths.length) await bring(paths[next++] as string);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { directory, paths };
}

/** The content of a file, under its hash. */
async function fetchBlob(
  repository: Repository,
  commit: string,
  file: RemoteFile,
): Promise<string> {
  const blob = join(cacheFolder(repository), 'blobs', file.hash);
  if (env.hub.offline && !existsSync(blob)) {
    throw hubError(repository, `HF_HUB_OFFLINE is set, and ${file.path} is not in the cache`);
  }
  await download(repository, commit, file, blob);
  return blob;
}

/** A link to the content under the file's name. */
function place(blob: string, link: string): void {
  if (existsSync(link)) return;
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  try {
    symlinkSync(relative(dirname(link), blob), link);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') copyFileSync(blob, link);
  }
}
