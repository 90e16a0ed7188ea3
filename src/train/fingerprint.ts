import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hashFile, sha256 } from '../cache/hash.ts';
import { stampFile } from '../checkpoint/durable.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import { readError, readFull } from '../read.ts';

/** Bytes of each tensor that the fingerprint of a model looks at. */
const SAMPLE = 4096;

/** A file that rows come from. */
export interface RowSource {
  /** Where its bytes lie. */
  path: string;
  weight: number;
}

/** SHA-256 of a file, which the cache of rows may know already. Throws `checkpoint`, naming it. */
async function contentOf(path: string): Promise<string> {
  try {
    return (await hashFile(path)) ?? (await stampFile(path)).sha256;
  } catch (cause) {
    throw readError({ name: path, code: 'checkpoint' }, cause);
  }
}

/** SHA-256 of each file's content and weight, by its place among them. */
export async function dataPrints(
  key: string,
  sources: readonly RowSource[],
): Promise<Record<string, string>> {
  const prints: Record<string, string> = {};
  for (const [index, { path, weight }] of sources.entries()) {
    const content = await contentOf(path);
    prints[`${key}[${index}]`] = sha256(content, String(weight));
  }
  return prints;
}

/** SHA-256 of files, names included, in the order given. */
export async function filesPrint(paths: readonly string[]): Promise<string> {
  const stamps: string[] = [];
  for (const path of paths) stamps.push(`${basename(path)} ${await contentOf(path)}`);
  return sha256(stamps.join('\n'));
}

/** SHA-256 of a text. */
export const textPrint = (text: string): string => sha256(text);

/** SHA-256 of the module of `path#export`, and the name of its export. */
export async function modulePrint(exported: string): Promise<string> {
  if (exported.startsWith('data:')) return sha256(exported);
  const [module = '', name = ''] = exported.split('#');
  const path = module.startsWith('file:') ? fileURLToPath(module) : module;
  return sha256(await contentOf(path), name);
}

/**
 * A fingerprint of weights: names, types, shapes, and 4 KiB from the middle of every tensor. Reading
 * all of a large model would take longer than starting; two models that differ in training differ
 * in nearly every number.
 */
export async function modelPrint(
  dir: string,
  tensors: ReadonlyMap<string, StoredTensor>,
): Promise<string> {
  const hash = createHash('sha256');
  hash.update(await contentOf(join(dir, 'config.json')));
  const files = new Map<string, FileHandle>();
  const sample = Buffer.alloc(SAMPLE);
  try {
    for (const tensor of [...tensors.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const { name, path, dtype, shape, offset, bytes } = tensor;
      const file = files.get(path) ?? (await open(path));
      files.set(path, file);
      const length = Math.min(SAMPLE, bytes);
      const at = offset + Math.floor((bytes - length) / 2);
      const part = sample.subarray(0, length);
      await readFull(file, part, at, { name: path, code: 'checkpoint' });
      hash.update(JSON.stringify([name, dtype, shape])).update(part);
    }
    return hash.digest('hex');
  } finally {
    for (const file of files.values()) await file.close();
  }
}
