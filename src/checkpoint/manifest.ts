import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isPlainName } from '../confined.ts';
import { type Stamp, stampFile, stampOf } from './durable.ts';

export const MANIFEST = 'manifest.json';

/** What a checkpoint consists of; written last, so that a checkpoint that has one is complete. */
export interface Manifest {
  format: 1;
  /** The run that made it. */
  run: string;
  step: number;
  files: Record<string, Stamp>;
}

/** One spelling for one manifest, with a checksum of itself: any changed byte shows. */
export function manifestText({ run, step, files }: Manifest): string {
  const sorted = Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
  const body = JSON.stringify({ format: 1, run, step, files: sorted }, null, 2);
  const { sha256 } = stampOf(Buffer.from(body));
  return `${body.slice(0, -2)},\n  "sha256": "${sha256}"\n}\n`;
}

/** A checkpoint's manifest. Throws an Error that says what is wrong with it. */
export async function readManifest(dir: string): Promise<Manifest> {
  const text = await readFile(join(dir, MANIFEST), 'utf8').catch((cause) => {
    throw new Error(`it has no ${MANIFEST} (${(cause as NodeJS.ErrnoException).code})`, { cause });
  });
  let manifest: Manifest;
  try {
    const { sha256: _, ...body } = JSON.parse(text) as Manifest & { sha256: string };
    manifest = body;
    if (manifestText(manifest) === text) return manifest;
  } catch (cause) {
    throw new Error(`its ${MANIFEST} is damaged`, { cause });
  }
  if ((manifest.format as number) > 1) {
    throw new Error(`its format ${manifest.format} is newer than this version of attune reads`);
  }
  throw new Error(`its ${MANIFEST} is damaged`);
}

/** Reads every file of a checkpoint. Throws an Error that names the first that is not as written. */
export async function verify(dir: string): Promise<Manifest> {
  const manifest = await readManifest(dir);
  for (const [name, { bytes, sha256 }] of Object.entries(manifest.files)) {
    const path = join(dir, name);
    if (!isPlainName(name)) throw new Error(`${JSON.stringify(name)} is no plain name of a file`);
    const stat = await lstat(path).catch(() => null);
    if (stat && !stat.isFile()) throw new Error(`${name} is a link or no file; put the file there`);
    const found = await stampFile(path).catch((cause: NodeJS.ErrnoException) => {
      throw new Error(`${name} cannot be read (${cause.code})`, { cause });
    });
    if (found.bytes !== bytes) {
      throw new Error(`${name} has ${found.bytes} bytes, ${bytes} were written`);
    }
    if (found.sha256 !== sha256) throw new Error(`${name} is damaged: its SHA-256 differs`);
  }
  const extra = (await readdir(dir)).filter((name) => /\.safetensors(\.index\.json)?$/.test(name));
  const unknown = extra.find((name) => !Object.hasOwn(manifest.files, name));
  if (unknown) throw new Error(`${unknown} is no part of it`);
  return manifest;
}
