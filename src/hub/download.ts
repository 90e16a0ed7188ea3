import { createHash, type Hash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { env } from '../env.ts';
import { AttuneError } from '../errors.ts';
import { hubError, type RemoteFile, type Repository } from './repository.ts';

const attempts = 5;
/** Milliseconds without a byte after which a connection is given up. */
const patience = 30_000;

/**
 * Downloads a file of a repository to `path`, where it appears whole or not at all. What an earlier
 * download left is continued; the content must have the hash that the listing gave. Throws where it
 * does not, and where the connection fails five times in a row.
 *
 * @huggingface/hub lists repositories but neither resumes a download nor checks one.
 */
export async function download(
  repository: Repository,
  commit: string,
  file: RemoteFile,
  path: string,
): Promise<void> {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  const part = `${path}.incomplete`;
  const resumed = existsSync(part);
  try {
    await complete(repository, commit, file, part);
  } catch (error) {
    // What was left may be of another try that wrote at the same time, or be damaged: once more.
    if (!(error instanceof WrongContent && resumed)) throw error;
    await complete(repository, commit, file, part);
  }
  renameSync(part, path);
}

class WrongContent extends AttuneError {}

async function complete(
  repository: Repository,
  commit: string,
  file: RemoteFile,
  part: string,
): Promise<void> {
  for (let failures = 0; ; ) {
    const before = sizeOf(part);
    if (before >= file.size && existsSync(part)) break;
    try {
      await append(repository, commit, file, part);
    } catch (error) {
      if (error instanceof AttuneError) throw error;
      failures = sizeOf(part) > before ? 1 : failures + 1;
      if (failures === attempts) {
        const { message, cause } = error as Error;
        const reason = cause instanceof Error ? cause.message : message;
        throw hubError(
          repository,
          `${file.path}: the download failed ${attempts} times: ${reason}`,
          error,
        );
      }
      await setTimeout(100 * 4 ** (failures - 1));
    }
  }
  if ((await hashOf(part, file)) === file.hash) return;
  rmSync(part);
  const { code, message } = hubError(
    repository,
    `${file.path}: what was downloaded does not have the hash that the hub lists (${file.hash.slice(0, 12)}…), and was removed`,
  );
  throw new WrongContent(code, message);
}

/** Asks for what is missing and writes it behind what is there. */
async function append(
  repository: Repository,
  commit: string,
  file: RemoteFile,
  part: string,
): Promise<void> {
  const { endpoint, token } = env.hub;
  const prefix = repository.type === 'model' ? '' : 'datasets/';
  const place = file.path.split('/').map(encodeURIComponent).join('/');
  const start = sizeOf(part);
  const controller = new AbortController();
  const timer = globalThis.setTimeout(() => controller.abort(new Error('no answer')), patience);
  try {
    const response = await fetch(
      `${endpoint}/${prefix}${repository.id}/resolve/${commit}/${place}`,
      {
        headers: {
          'accept-encoding': 'identity',
          ...(start > 0 ? { range: `bytes=${start}-` } : {}),
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        signal: controller.signal,
      },
    );
    if (!response.ok) {
      await response.body?.cancel();
      if (response.status >= 500 || response.status === 429)
        throw new Error(`status ${response.status}`);
      throw hubError(repository, `${file.path}: the hub answered with status ${response.status}`);
    }
    const handle = await open(part, 'a');
    try {
      // A server that knows no ranges sends the whole file.
      if (response.status !== 206) await handle.truncate(0);
      await write(handle, response, file, timer);
    } finally {
      await handle.close();
    }
  } finally {
    clearTimeout(timer);
  }
}

async function write(
  handle: FileHandle,
  response: Response,
  file: RemoteFile,
  timer: NodeJS.Timeout,
): Promise<void> {
  let { size } = await handle.stat();
  for await (const chunk of response.body ?? []) {
    timer.refresh();
    size += chunk.length;
    if (size > file.size) {
      // More than the file has: nothing of it can be used.
      await handle.truncate(0);
      throw new Error(`more than the ${file.size} bytes that the hub lists`);
    }
    await handle.appendFile(chunk);
  }
  if (size < file.size) throw new Error(`the connection ended after ${size} of ${file.size} bytes`);
  await handle.sync();
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

async function hashOf(path: string, { hash, size }: RemoteFile): Promise<string> {
  const sum: Hash =
    hash.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) sum.update(chunk);
  return sum.digest('hex');
}
