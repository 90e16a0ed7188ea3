import { readdir, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Engine, TensorPart } from '../native/addon.d.ts';
import type { Checkpoint } from './checkpoint.ts';
import { copiedFile, type OutputFile, textFile, writeFiles } from './files.ts';
import {
  makeHeader,
  type TensorLayout,
  tensorBytes,
  WEIGHT_DTYPES,
  type WeightDType,
} from './header.ts';
import type { LoadPlan } from './plan.ts';

/** Bytes of tensors in one file, as transformers cuts them. */
const SHARD_BYTES = 5_000_000_000;

/** A tensor and the engine's parameter that fills it, by its value or a moment. */
export interface Entry extends TensorLayout {
  parameter: string;
  part?: TensorPart;
}

/** What a file of tensors needs of an engine. */
export type Saver = Pick<Engine, 'save' | 'snapshot'>;

/**
 * Writes a full Hugging Face checkpoint from the engine's weights: names, dtypes and order of the
 * checkpoint it was loaded from, its config.json, and `extra` files (a tokenizer's, say) copied.
 */
export async function saveCheckpoint(
  engine: Saver,
  source: Checkpoint,
  plan: LoadPlan,
  dir: string,
  extra: readonly string[],
  shardBytes = SHARD_BYTES,
): Promise<void> {
  const files = await checkpointFiles(engine, source, plan, dir, extra, shardBytes);
  await writeFiles(dir, files);
  await removeStale(dir, new Set(files.map((file) => file.name)));
}

/** The files of `saveCheckpoint`. */
export async function checkpointFiles(
  engine: Saver,
  source: Checkpoint,
  plan: LoadPlan,
  dir: string,
  extra: readonly string[],
  shardBytes = SHARD_BYTES,
): Promise<OutputFile[]> {
  const shards = shard(entries(source, plan), shardBytes);
  const files = shards.map((tensors, i) =>
    tensorFile(engine, shardName(i, shards.length), tensors),
  );
  if (shards.length > 1) files.push(textFile('model.safetensors.index.json', indexText(shards)));
  const copies = ['config.json', 'generation_config.json'].map((name) => join(source.dir, name));
  files.push(...(await copiedFiles([...copies, ...extra], dir)));
  return files;
}

/** Copies of those sources that exist and do not lie in `dir` already. */
export async function copiedFiles(sources: readonly string[], dir: string): Promise<OutputFile[]> {
  const wanted = new Map(sources.map((source) => [basename(source), source]));
  const files: OutputFile[] = [];
  for (const [name, source] of wanted) {
    const here = resolve(source) === resolve(join(dir, name));
    if (!here && (await stat(source).catch(() => null))) files.push(copiedFile(name, source));
  }
  return files;
}

function entries(source: Checkpoint, plan: LoadPlan): Entry[] {
  const parameters = new Map([...plan].map(([parameter, stored]) => [stored.name, parameter]));
  const found: Entry[] = [];
  for (const { name, dtype, shape } of source.tensors.values()) {
    const parameter = parameters.get(name);
    if (parameter) found.push({ name, dtype: dtype as WeightDType, shape, parameter });
  }
  return found;
}

/** Tensors in files of at most `limit` bytes, where a tensor is not larger itself. */
export function shard(tensors: readonly Entry[], limit: number): Entry[][] {
  const shards: Entry[][] = [[]];
  let filled = 0;
  for (const tensor of tensors) {
    const bytes = tensorBytes(tensor);
    if (filled > 0 && filled + bytes > limit) {
      shards.push([]);
      filled = 0;
    }
    shards.at(-1)!.push(tensor);
    filled += bytes;
  }
  return shards;
}

/** The name of one of `count` files, as transformers names them. */
export function shardName(index: number, count: number, base = 'model'): string {
  if (count === 1) return `${base}.safetensors`;
  const five = (n: number) => String(n).padStart(5, '0');
  return `${base}-${five(index + 1)}-of-${five(count)}.safetensors`;
}

/** One safetensors file, written by the engine. */
export function tensorFile(engine: Saver, name: string, tensors: readonly Entry[]): OutputFile {
  const { header, offsets } = makeHeader(tensors);
  const writes = tensors.map(({ parameter, dtype, part = 'value' }, i) => ({
    name: parameter,
    part,
    offset: offsets[i]!,
    dtype: WEIGHT_DTYPES[dtype],
  }));
  const last = tensors.at(-1);
  return {
    name,
    size: last ? offsets.at(-1)! + tensorBytes(last) : header.length,
    write: (path) => engine.save(path, header, writes),
    bytes: () => engine.snapshot(header, writes),
  };
}

function indexText(shards: readonly Entry[][]): string {
  const map: Record<string, string> = {};
  let total = 0;
  shards.forEach((tensors, i) => {
    for (const tensor of tensors) {
      map[tensor.name] = shardName(i, shards.length);
      total += tensorBytes(tensor);
    }
  });
  const sorted = Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify({ metadata: { total_size: total }, weight_map: sorted }, null, 2)}\n`;
}

/** Weights of an earlier result with another number of shards would be read beside the new ones. */
export async function removeStale(dir: string, written: ReadonlySet<string>): Promise<void> {
  const weights = /^model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$/;
  for (const name of await readdir(dir)) {
    if (weights.test(name) && !written.has(name)) await rm(join(dir, name));
  }
}
