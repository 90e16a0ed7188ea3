import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { env } from '../env.ts';
import { AttuneError } from '../errors.ts';
import {
  cacheFolder,
  checkPath,
  hubError,
  type RemoteFile,
  type Repository,
} from './repository.ts';

/** What a repository holds at a commit. */
export interface Listing {
  /** 40 hexadecimal digits. */
  commit: string;
  files: RemoteFile[];
}

/**
 * Asks the hub what a revision is and holds. Where it cannot be reached, or HF_HUB_OFFLINE is set,
 * what it answered last time is taken from the cache. Throws for a repository that does not exist or
 * may not be read.
 */
export async function listRepository(repository: Repository): Promise<Listing> {
  const { offline } = env.hub;
  if (['.', '..'].includes(repository.revision)) {
    throw hubError(
      repository,
      `${repository.revision} is no revision; name a branch, tag or commit`,
    );
  }
  if (offline) return cached(repository, 'HF_HUB_OFFLINE is set');
  let listing: Listing;
  try {
    listing = await ask(repository);
  } catch (error) {
    if (error instanceof AttuneError) throw error;
    const { statusCode, message, cause } = error as Error & { statusCode?: number };
    if (statusCode === undefined || statusCode >= 500) {
      const reason = cause instanceof Error ? `${message}: ${cause.message}` : message;
      return cached(repository, `the hub cannot be reached (${reason})`, error);
    }
    throw hubError(repository, refusal(repository, statusCode), error);
  }
  const folder = cacheFolder(repository);
  write(join(folder, 'refs', encodeURIComponent(repository.revision)), listing.commit);
  write(join(folder, 'attune', `${listing.commit}.json`), JSON.stringify(listing));
  return listing;
}

async function ask(repository: Repository): Promise<Listing> {
  const { type, id: name, revision } = repository;
  const { endpoint: hubUrl, token } = env.hub;
  if (token !== null && !token.startsWith('hf_')) {
    throw hubError(repository, 'HF_TOKEN is no token of the hub: those begin with hf_');
  }
  const { datasetInfo, modelInfo, listFiles } = await import('@huggingface/hub');
  const common = { hubUrl, ...(token === null ? {} : { accessToken: token }) };
  const query = { name, revision, additionalFields: ['sha' as const], ...common };
  const { sha } = await (type === 'model' ? modelInfo(query) : datasetInfo(query));
  if (!/^[0-9a-f]{40}$/.test(sha)) throw hubError(repository, `the hub names no commit (${sha})`);
  const files: RemoteFile[] = [];
  for await (const entry of listFiles({
    repo: { type, name },
    recursive: true,
    revision: sha,
    ...common,
  })) {
    if (entry.type !== 'file') continue;
    checkPath(repository, entry.path);
    const hash = entry.lfs?.oid ?? entry.oid ?? '';
    if (!isHash(hash)) {
      throw hubError(repository, `the hub gives no hash of ${entry.path}`);
    }
    files.push({ path: entry.path, size: entry.size, hash });
  }
  return { commit: sha, files };
}

/** SHA-1 or SHA-256. */
function isHash(text: string): boolean {
  return /^([0-9a-f]{64}|[0-9a-f]{40})$/.test(text);
}

function refusal({ type, revision }: Repository, status: number): string {
  const what = type === 'model' ? 'model' : 'data set';
  if (status === 404) return `the hub has no such ${what}, or no revision ${revision} of it`;
  if (status !== 401 && status !== 403) return `the hub answered with status ${status}`;
  return `the ${what} does not exist, or is private or gated: ask for access on its page and set HF_TOKEN`;
}

function cached(repository: Repository, reason: string, cause?: unknown): Listing {
  const folder = cacheFolder(repository);
  const { revision } = repository;
  let listing: Listing;
  try {
    const commit = /^[0-9a-f]{40}$/.test(revision)
      ? revision
      : readFileSync(join(folder, 'refs', encodeURIComponent(revision)), 'utf8').trim();
    if (!isHash(commit)) throw new Error(commit);
    listing = JSON.parse(readFileSync(join(folder, 'attune', `${commit}.json`), 'utf8')) as Listing;
    if (listing.commit !== commit || !listing.files.every(({ hash }) => isHash(hash))) {
      throw new Error(commit);
    }
  } catch {
    throw hubError(repository, `${reason}, and it is not in the cache (${folder})`, cause);
  }
  for (const { path } of listing.files) checkPath(repository, path);
  return listing;
}

/** Readers see the old text or the new. */
function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}`;
  writeFileSync(part, text);
  renameSync(part, path);
}
