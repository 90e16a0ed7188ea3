import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { adapterTensorName, tensorName } from '../../src/arch/names.ts';
import { makeBatch } from '../../src/batch/batch.ts';
import { readHeader } from '../../src/checkpoint/safetensors.ts';
import type { BatchSums, Engine, EngineOptions } from '../../src/native/addon.d.ts';
import { type Model, openModel, startEngine } from '../../src/train/model.ts';

export const GOLDEN = join(import.meta.dirname, '../golden');

/** A safetensors file of float32 tensors, by name. */
export async function readTensors(path: string): Promise<Map<string, Float32Array>> {
  const bytes = readFileSync(path);
  return new Map(
    (await readHeader(path)).map(({ name, offset, bytes: size }) => [
      name,
      new Float32Array(
        bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + offset + size),
      ),
    ]),
  );
}

export interface Golden {
  documents: { ids: Int32Array; labels: Int32Array }[];
  sums: Record<'nll' | 'smoothed' | 'dft' | 'lora', BatchSums>;
  smoothing: number;
  logitsOf: number;
  tensors: Map<string, Float32Array>;
}

export async function readGolden(name: string): Promise<Golden> {
  const json = JSON.parse(readFileSync(join(GOLDEN, `gradients/${name}.json`), 'utf8'));
  return {
    documents: json.documents.map(({ ids, labels }: { ids: number[]; labels: number[] }) => ({
      ids: Int32Array.from(ids),
      labels: Int32Array.from(labels),
    })),
    sums: json.sums,
    smoothing: json.smoothing,
    logitsOf: json.logits_of,
    tensors: await readTensors(join(GOLDEN, `gradients/${name}.safetensors`)),
  };
}

/** Opens a golden model, with its golden adapter where asked, and loads it. */
export async function openGolden(
  name: string,
  options: Partial<EngineOptions> & { withAdapter?: boolean },
): Promise<{ model: Model; engine: Engine }> {
  const { withAdapter, dtype = 'float32', method = 'full', ...training } = options;
  const model = await openModel(
    join(GOLDEN, 'models', name),
    withAdapter ? join(GOLDEN, 'adapters', name) : null,
  );
  const { engine, loaded } = startEngine(model, {
    method,
    dtype,
    maxTokens: 512,
    maxLength: 64,
    training: { seed: 1, loss: 'nll', labelSmoothing: 0, ...training },
  });
  await loaded;
  return { model, engine };
}

/** Largest |a - b| relative to the largest |b|. */
export function distance(a: Float32Array, b: Float32Array): number {
  let worst = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  let scale = 1e-30;
  b.forEach((value, i) => {
    worst = Math.max(worst, Math.abs(a[i]! - value));
    scale = Math.max(scale, Math.abs(value));
  });
  return worst / scale;
}

/** Gradients of every trained parameter against `prefix/NAME`: the worst, and its name. */
export async function worstGradient(
  engine: Engine,
  model: Model,
  tensors: Map<string, Float32Array>,
  prefix: string,
): Promise<{ name: string; distance: number; compared: number }> {
  const worst = { name: '', distance: 0, compared: 0 };
  for (const parameter of engine.parameters()) {
    if (!parameter.trainable) continue;
    const stored = /\.lora_[ab]$/.test(parameter.name)
      ? adapterTensorName(model.descriptor, parameter.name)
      : tensorName(model.descriptor, parameter.name);
    const expected = tensors.get(`${prefix}/${stored}`);
    if (!expected) throw new Error(`no golden gradient ${prefix}/${stored}`);
    const gradient = await engine.read(parameter.name, 'gradient');
    worst.compared++;
    // k's bias has no gradient in exact arithmetic: its rounding noise has no scale of its own.
    const d = /\.k\.bias$/.test(parameter.name)
      ? Math.max(...gradient.map((value, i) => Math.abs(value - expected[i]!)))
      : distance(gradient, expected);
    if (!(d <= worst.distance)) Object.assign(worst, { name: parameter.name, distance: d });
  }
  return worst;
}

export { makeBatch };
