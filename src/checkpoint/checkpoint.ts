import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelConfig } from '../arch/descriptor.ts';
import { isPlainName } from '../confined.ts';
import { AttuneError } from '../errors.ts';
import { readJson, readJsonIfPresent } from './json.ts';
import { readHeader, type StoredTensor } from './safetensors.ts';

/** A model directory in Hugging Face layout: its configuration and where each tensor lies. */
export interface Checkpoint {
  dir: string;
  config: ModelConfig;
  /** By the name in the files, in the order of the files. */
  tensors: ReadonlyMap<string, StoredTensor>;
}

/** Reads config.json and the headers of the weights; no weight is read. Throws `checkpoint`. */
export async function openCheckpoint(dir: string): Promise<Checkpoint> {
  const info = await stat(dir).catch(() => null);
  if (!info?.isDirectory()) {
    throw new AttuneError(
      'checkpoint',
      `model: ${dir} is no directory (a model of the hub is named owner/name)`,
    );
  }
  const config = await readJson(join(dir, 'config.json'));
  const headers = await Promise.all((await weightFiles(dir)).map(readHeader));
  const tensors = new Map<string, StoredTensor>();
  for (const tensor of headers.flat()) {
    const other = tensors.get(tensor.name);
    if (other) {
      throw new AttuneError('checkpoint', `${tensor.path}: ${tensor.name} is in ${other.path} too`);
    }
    tensors.set(tensor.name, tensor);
  }
  return { dir, config, tensors };
}

async function weightFiles(dir: string): Promise<string[]> {
  const indexPath = join(dir, 'model.safetensors.index.json');
  const index = await readJsonIfPresent(indexPath);
  if (index) return shardFiles(dir, indexPath, index);
  await refusePickle(dir, 'model.safetensors');
  const names = await readdir(dir);
  if (names.includes('model.safetensors')) return [join(dir, 'model.safetensors')];
  throw new AttuneError(
    'checkpoint',
    `${dir}: no model.safetensors and no model.safetensors.index.json`,
  );
}

/** Throws `checkpoint` where a directory has weights as a pickle, and no `wanted` beside it. */
export async function refusePickle(dir: string, wanted: string): Promise<void> {
  const names = await readdir(dir);
  if (names.includes(wanted)) return;
  const pickle = names.find((name) =>
    /^(pytorch|adapter)_model.*\.bin(\.index\.json)?$/.test(name),
  );
  if (pickle === undefined) return;
  const [loader, what] = pickle.startsWith('adapter')
    ? ['PEFT', 'an adapter']
    : ['transformers', 'a model'];
  throw new AttuneError(
    'checkpoint',
    `${join(dir, pickle)}: pickled weights are not read, they can run code; load ${what} with ${loader} and save_pretrained(…) writes safetensors`,
  );
}

/** Shards that an index names; a name may not leave the directory. */
export function shardFiles(dir: string, path: string, index: Record<string, unknown>): string[] {
  const map = index.weight_map;
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw new AttuneError('checkpoint', `${path}: weight_map: expected an object`);
  }
  const names = new Set<string>();
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== 'string' || !/.\.safetensors$/.test(file) || !isPlainName(file)) {
      throw new AttuneError(
        'checkpoint',
        `${path}: weight_map: ${tensor}: ${JSON.stringify(file)} is not the name of a safetensors file in this directory; name one`,
      );
    }
    names.add(file);
  }
  if (names.size === 0) throw new AttuneError('checkpoint', `${path}: weight_map is empty`);
  return [...names].sort().map((name) => join(dir, name));
}
