/** Engines of a few thousand random weights, for what no checkpoint shows. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { AttuneError } from '../../src/errors.ts';
import type {
  Engine,
  EngineOptions,
  ModelSpec,
  NativeBatch,
  UpdateOptions,
} from '../../src/native/addon.d.ts';
import { loadAddon } from '../../src/native/binding.ts';
import { createEngine } from '../../src/native/engine.ts';
import { temporary } from './shared.ts';

export const ROTARY: ModelSpec = {
  vocabularySize: 40,
  hiddenSize: 24,
  embeddingSize: 24,
  intermediateSize: 36,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headSize: 6,
  maxPositions: 64,
  norm: 'rms',
  normEpsilon: 1e-5,
  normPlacement: 'pre',
  finalNorm: true,
  position: 'rotary',
  positionOffset: 0,
  inverseFrequencies: Float32Array.of(1, 0.3, 0.05),
  rotaryScale: 1,
  attentionBias: false,
  attentionOutputBias: false,
  mlpBias: false,
  activation: 'silu',
  gated: true,
  tiedHead: false,
};

/** Learned positions, biases, norms after the blocks, a narrower embedding. */
export const LEARNED: ModelSpec = {
  ...ROTARY,
  embeddingSize: 16,
  kvHeads: 4,
  norm: 'layer',
  normPlacement: 'post',
  finalNorm: false,
  position: 'learned',
  positionOffset: 2,
  inverseFrequencies: new Float32Array(0),
  attentionBias: true,
  attentionOutputBias: true,
  mlpBias: true,
  activation: 'gelu',
  gated: false,
  tiedHead: true,
};

export const OPTIONS: EngineOptions = {
  device: 'cpu',
  tf32: false,
  dtype: 'float32',
  method: 'full',
  adapter: null,
  maxTokens: 64,
  recompute: null,
  seed: 7,
  loss: 'nll',
  labelSmoothing: 0,
};

export const UPDATE: UpdateOptions = {
  learningRate: 1e-2,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
  maxGradNorm: 1,
  tokens: 10,
};

/** The options of an adapter of rank 2 on these modules. */
export function lora(modules: string[], dropout = 0): EngineOptions {
  return { ...OPTIONS, method: 'lora', adapter: { rank: 2, scale: 1.5, dropout, modules } };
}

/** What `call` throws or rejects with. */
export const failure = (call: () => unknown): Promise<Error> =>
  (async () => call())().then(
    () => assert.unreachable('nothing was refused') as never,
    (error: unknown) => error as Error,
  );

/** `call` throws or rejects with an AttuneError of this code and message. */
export async function refuses(call: () => unknown, code: string, text: RegExp): Promise<void> {
  const error = await failure(call);
  assert.instance(error, AttuneError, error.stack);
  assert.is((error as AttuneError).code, code);
  assert.match(error.message, text);
}

export type Weights = Map<string, Float32Array>;

const file = join(temporary(), 'weights.bin');

/** A stream of numbers in [-1, 1). */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** Random values for every parameter: norms near 1, the rest small. */
export function randomWeights(engine: Engine): Weights {
  const next = noise(3);
  return new Map(
    engine.parameters().map(({ name, shape }) => {
      const centre = /norm\.weight$/.test(name) ? 1 : 0;
      const size = shape.reduce((product, n) => product * n, 1);
      return [name, Float32Array.from({ length: size }, () => centre + 0.4 * next())];
    }),
  );
}

export async function loadWeights(engine: Engine, weights: Weights): Promise<void> {
  let offset = 0;
  const reads = [...weights].map(([name, { byteLength }]) => {
    const read = { name, path: file, offset, bytes: byteLength, dtype: 'float32' as const };
    offset += byteLength;
    return read;
  });
  writeFileSync(
    file,
    Buffer.concat(
      [...weights.values()].map((v) => Buffer.from(v.buffer, v.byteOffset, v.byteLength)),
    ),
  );
  await engine.load(reads);
}

/** An engine with `weights`, or random ones that it returns. */
export async function openTiny(
  spec: ModelSpec,
  options: EngineOptions,
  weights?: Weights,
): Promise<{ engine: Engine; weights: Weights }> {
  const engine = createEngine(spec, options);
  const loaded = weights ?? randomWeights(engine);
  await loadWeights(engine, loaded);
  return { engine, weights: loaded };
}

/** Documents of these lengths; every third position and the last of each have no target. */
export function documents(spec: ModelSpec, lengths: number[], seed = 11): NativeBatch {
  const next = noise(seed);
  const { IGNORE } = loadAddon();
  const token = () => Math.floor(((next() + 1) / 2) * spec.vocabularySize);
  const positions = lengths.flatMap((length) => Array.from({ length }, (_, i) => i));
  const ends = lengths.map((_, i) => lengths.slice(0, i + 1).reduce((sum, n) => sum + n, 0));
  const tokens = positions.map(token);
  const targets = tokens.map((_, t) =>
    t % 3 === 1 || ends.includes(t + 1) ? IGNORE : tokens[t + 1]!,
  );
  return {
    tokens: Int32Array.from(tokens),
    targets: Int32Array.from(targets),
    positions: Int32Array.from(positions),
    segments: Int32Array.from([0, ...ends]),
  };
}

/**
 * The slope of the loss along the gradient of each trained parameter, by central differences of
 * fresh engines (so with the same random streams), over the gradient's length: 1 where it is right.
 */
export async function slopes(
  spec: ModelSpec,
  options: EngineOptions,
  batches: NativeBatch[],
): Promise<Map<string, number>> {
  const { engine, weights } = await openTiny(spec, options);
  for (const batch of batches) await engine.accumulate(batch);
  const result = new Map<string, number>();
  for (const { name, trainable } of engine.parameters()) {
    if (!trainable) continue;
    const gradient = await engine.read(name, 'gradient');
    const length = Math.hypot(...gradient);
    const loss = async (step: number) => {
      const moved = weights.get(name)!.map((w, i) => w + (step * gradient[i]!) / length);
      const other = await openTiny(spec, options, new Map(weights).set(name, moved));
      let sum = 0;
      for (const batch of batches) sum += (await other.engine.accumulate(batch)).loss;
      other.engine.dispose();
      return sum;
    };
    const step = 0.01;
    result.set(name, ((await loss(step)) - (await loss(-step))) / (2 * step) / length);
  }
  engine.dispose();
  return result;
}
