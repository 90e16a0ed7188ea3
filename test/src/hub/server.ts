/** A hub of this process's own, over HTTP: revisions, trees, files with ranges and redirects. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Behaviour {
  /** Answers to files end after this many bytes. */
  cutAfter: number | null;
  /** Ranges are not understood: the whole file is sent. */
  noRanges: boolean;
  /** One bit of what is sent is wrong. */
  corrupt: boolean;
  /** Requests without this token are refused. */
  token: string | null;
  /** Status of the next answers to files. */
  statuses: number[];
}

export interface Hub {
  behaviour: Behaviour;
  /** `GET path range` of every request for a file or its content. */
  requests: string[];
  cache: string;
  close(): Promise<void>;
}

export const commit = 'c0ffee'.padEnd(40, '0');
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const gitHash = (bytes: Buffer): string =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

/** Files above 100 bytes are large ones, kept elsewhere. */
const isLarge = (bytes: Buffer): boolean => bytes.length > 100;

export const hashOf = (bytes: Buffer): string => (isLarge(bytes) ? sha256(bytes) : gitHash(bytes));

/** Starts a hub of these repositories (`datasets/owner/name` or `models/owner/name`) and points the environment at it. */
export async function startHub(repositories: Record<string, Record<string, Buffer>>): Promise<Hub> {
  const behaviour: Behaviour = {
    cutAfter: null,
    noRanges: false,
    corrupt: false,
    token: null,
    statuses: [],
  };
  const requests: string[] = [];
  const server = createServer((request, response) => {
    answer(request, response, repositories, behaviour, requests);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cache = mkdtempSync(join(tmpdir(), 'attune-hub-'));
  process.env.HF_ENDPOINT = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  process.env.HF_HOME = cache;
  delete process.env.HF_HUB_CACHE;
  delete process.env.HF_HUB_OFFLINE;
  delete process.env.HF_TOKEN;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(cache, { recursive: true, force: true });
  };
  return { behaviour, requests, cache, close };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  repositories: Record<string, Record<string, Buffer>>,
  behaviour: Behaviour,
  requests: string[],
): unknown {
  const url = new URL(request.url ?? '', process.env.HF_ENDPOINT);
  const path = decodeURIComponent(url.pathname);
  const json = (status: number, value: unknown, headers: Record<string, string> = {}): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(value));
  };
  const [, cdn] = /^\/cdn\/([0-9a-f]+)$/.exec(path) ?? [];
  if (cdn !== undefined) {
    const all = Object.values(repositories).flatMap((files) => Object.values(files));
    const bytes = all.find((each) => hashOf(each) === cdn) as Buffer;
    // A store elsewhere must not be shown the token.
    if (request.headers.authorization && request.headers.host?.startsWith('localhost'))
      return json(400, {});
    return send(request, response, bytes, behaviour, requests);
  }
  const { token } = behaviour;
  if (token !== null && request.headers.authorization !== `Bearer ${token}`)
    return json(401, { error: 'no' });
  const [, type = '', id = '', what, rest = ''] =
    /^\/api\/(models|datasets)\/([^/]+\/[^/]+)\/(revision|tree)\/(.*)$/.exec(path) ?? [];
  if (what !== undefined) {
    const files = repositories[`${type}/${id}`];
    if (files === undefined || ![commit, 'main'].includes(rest))
      return json(404, { error: 'Repository not found' });
    if (what === 'revision')
      return json(200, { _id: '1', id, sha: commit, lastModified: '2024-01-01T00:00:00.000Z' });
    return tree(files, url, json);
  }
  const [, prefix, repository = '', file = ''] =
    new RegExp(`^/(datasets/)?([^/]+/[^/]+)/resolve/${commit}/(.*)$`).exec(path) ?? [];
  const bytes = repositories[`${prefix ?? 'models/'}${repository}`]?.[file];
  if (bytes === undefined)
    return json(404, { error: 'Entry not found' }, { 'x-error-code': 'EntryNotFound' });
  const status = behaviour.statuses.shift();
  if (status !== undefined) return json(status, {});
  if (!isLarge(bytes)) return send(request, response, bytes, behaviour, requests);
  const location = `http://localhost:${url.port}/cdn/${hashOf(bytes)}`;
  response.writeHead(302, { location, 'x-linked-etag': `"${hashOf(bytes)}"` });
  return response.end();
}

/** Two entries a page. */
function tree(
  files: Record<string, Buffer>,
  url: URL,
  json: (status: number, value: unknown, headers?: Record<string, string>) => void,
): void {
  const entries = Object.entries(files).map(([path, bytes]) => ({
    type: 'file',
    path,
    size: bytes.length,
    oid: isLarge(bytes) ? gitHash(Buffer.from('pointer')) : gitHash(bytes),
    ...(isLarge(bytes)
      ? { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 } }
      : {}),
  }));
  const from = Number(url.searchParams.get('cursor') ?? 0);
  const next = new URL(url);
  next.searchParams.set('cursor', String(from + 2));
  const link = from + 2 < entries.length ? { link: `<${next}>; rel="next"` } : undefined;
  json(
    200,
    [{ type: 'directory', path: 'data', size: 0, oid: '1' }, ...entries.slice(from, from + 2)],
    link,
  );
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Buffer,
  { cutAfter, noRanges, corrupt }: Behaviour,
  requests: string[],
): void {
  requests.push(request.headers.range ?? 'all');
  const asked = noRanges ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const body = Buffer.from(bytes.subarray(asked));
  if (corrupt && body.length > 0) body[body.length >> 1]! ^= 1;
  response.writeHead(asked > 0 ? 206 : 200, {
    'content-length': body.length,
    etag: `"${hashOf(bytes)}"`,
    ...(asked > 0 ? { 'content-range': `bytes ${asked}-${bytes.length - 1}/${bytes.length}` } : {}),
  });
  if (cutAfter === null || cutAfter >= body.length) response.end(body);
  else response.write(body.subarray(0, cutAfter), () => afterTurns(100, () => response.destroy()));
}

/** After turns of the event loop, in which the client reads what it was sent. */
function afterTurns(turns: number, run: () => void): void {
  if (turns === 0) run();
  else setImmediate(() => afterTurns(turns - 1, run));
}
