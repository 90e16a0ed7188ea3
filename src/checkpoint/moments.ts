import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AttuneError } from '../errors.ts';
import type { Engine, ParameterInfo, TensorPart, TensorRead } from '../native/addon.d.ts';
import type { OutputFile } from './files.ts';
import { checkShape, loadableDType } from './plan.ts';
import { readHeader } from './safetensors.ts';
import { type Saver, shard, shardName, tensorFile } from './save.ts';

/** AdamW's state by PyTorch's names, and float32 weights where the checkpoint rounds them. */
const NAMES: Record<TensorPart, string> = {
  value: 'master',
  first: 'exp_avg',
  second: 'exp_avg_sq',
};

/** Bytes of one file: what a snapshot holds in one array. */
const SHARD_BYTES = 2 ** 31;

/**
 * optimizer.safetensors, in several files where it is large: moments of everything trained, and the
 * float32 values of `rounded` parameters.
 */
export function momentFiles(
  engine: Saver & Pick<Engine, 'parameters'>,
  rounded: ReadonlySet<string>,
  shardBytes = SHARD_BYTES,
): OutputFile[] {
  const tensors = engine.parameters().flatMap((parameter) =>
    partsOf(parameter, rounded).map((part) => ({
      name: `${parameter.name}.${NAMES[part]}`,
      parameter: parameter.name,
      part,
      shape: parameter.shape,
      dtype: 'F32' as const,
    })),
  );
  const shards = shard(tensors, shardBytes);
  return shards.map((part, i) =>
    tensorFile(engine, shardName(i, shards.length, 'optimizer'), part),
  );
}

function partsOf({ name, trainable }: ParameterInfo, rounded: ReadonlySet<string>): TensorPart[] {
  if (!trainable) return [];
  return rounded.has(name) ? ['value', 'first', 'second'] : ['first', 'second'];
}

/** Where a checkpoint keeps them. Throws `checkpoint` for a tensor that is missing or mis-shaped. */
export async function momentReads(
  dir: string,
  parameters: readonly ParameterInfo[],
  rounded: ReadonlySet<string>,
): Promise<TensorRead[]> {
  const names = (await readdir(dir)).filter((name) =>
    /^optimizer(-\d{5}-of-\d{5})?\.safetensors$/.test(name),
  );
  const headers = await Promise.all(names.sort().map((name) => readHeader(join(dir, name))));
  const stored = new Map(headers.flat().map((tensor) => [tensor.name, tensor]));
  return parameters.flatMap((parameter) =>
    partsOf(parameter, rounded).map((part) => {
      const name = `${parameter.name}.${NAMES[part]}`;
      const tensor = stored.get(name);
      if (!tensor) throw new AttuneError('checkpoint', `${dir}: tensor ${name} is missing`);
      checkShape(tensor, parameter.shape);
      const { path, offset, bytes } = tensor;
      return { name: parameter.name, path, offset, bytes, dtype: loadableDType(tensor), part };
    }),
  );
}
