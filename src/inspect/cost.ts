import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { linearModules, parameterShapes } from '../arch/parameters.ts';
import { makeBatch } from '../batch/batch.ts';
import type { ShownRow } from '../batch/inspect.ts';
import type { TrainConfig } from '../config.ts';
import type { Accounting } from '../data/options.ts';
import type { Engine, ModelSpec } from '../native/addon.d.ts';
import { findDevice } from '../native/device.ts';
import type { PageCost } from '../page/model.ts';
import { totalSteps } from '../train/cadence.ts';
import { type Model, openModel, startEngine } from '../train/model.ts';
import { engineRequest, planAdapter } from '../train/run.ts';

/** Bytes of weights beyond which a model is not loaded unasked. */
const loadedUnasked = 4 * 2 ** 30;

/** Tokens, steps and operations of a run whose epoch is this. */
export function runSize(
  config: TrainConfig,
  spec: ModelSpec,
  { rows, tokens, trainedTokens }: Accounting,
): Omit<PageCost, 'tokensPerSecond' | 'from'> {
  const { perDeviceTrainBatchSize: batch, gradientAccumulationSteps: accumulation } = config;
  const stepsOfEpoch = Math.max(1, totalSteps(rows, batch, accumulation, 1));
  const steps =
    config.maxSteps > 0
      ? config.maxSteps
      : totalSteps(rows, batch, accumulation, config.numTrainEpochs);
  const epochs = steps / stepsOfEpoch;
  const sizes = [...parameterShapes(spec).values()].map((shape) =>
    shape.reduce((a, b) => a * b, 1),
  );
  const linear = linearModules(spec).reduce((sum, module) => sum + module.in * module.out, 0);
  const head = spec.vocabularySize * spec.embeddingSize;
  // A product and the gradient of its input; that of a weight where weights are trained.
  const passes = config.method === 'full' ? 6 : 4;
  return {
    steps,
    epochs,
    tokens: tokens * epochs,
    trainedTokens: trainedTokens * epochs,
    parameters: sizes.reduce((sum, size) => sum + size, 0),
    flops: passes * epochs * (linear * tokens + head * trainedTokens),
  };
}

/** Tokens a second: of an earlier run in output_dir, else measured on rows of the data. */
export async function findSpeed(
  config: TrainConfig,
  rows: readonly ShownRow[],
  measure: boolean | null,
): Promise<Pick<PageCost, 'tokensPerSecond' | 'from'>> {
  const earlier = measure === true ? null : earlierSpeed(config.outputDir);
  if (earlier !== null) return earlier;
  const unknown = (reason: string) => ({ tokensPerSecond: null, from: reason });
  if (measure === false) return unknown('No estimate: --no-measure.');
  if (rows.length === 0) return unknown('No estimate: there is no row to measure with.');
  if (measure === null && !existsSync(config.model)) {
    return unknown('No estimate: --measure downloads the weights and times them.');
  }
  try {
    const model = await openModel(config.model, config.adapter, config.modelRevision);
    const bytes = [...model.plan.values()].reduce((sum, tensor) => sum + tensor.bytes, 0);
    if (measure === null && bytes > loadedUnasked) {
      return unknown('No estimate: the weights are over 4 GiB; --measure loads and times them.');
    }
    return await measureSpeed(config, model, rows);
  } catch (error) {
    // A directory with a tokenizer alone is enough to look at data.
    if (measure === true) throw error;
    return unknown(`No estimate: ${(error as Error).message}.`);
  }
}

/** The median of the last hundred rows of metrics.jsonl. */
function earlierSpeed(dir: string): Pick<PageCost, 'tokensPerSecond' | 'from'> | null {
  const path = join(dir, 'metrics.jsonl');
  try {
    const speeds = readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"tokens_per_second"'))
      .slice(-100)
      .map((line) => Number(JSON.parse(line).tokens_per_second))
      .filter((speed) => speed > 0)
      .sort((a, b) => a - b);
    const median = speeds[Math.floor(speeds.length / 2)];
    if (median === undefined) return null;
    return {
      tokensPerSecond: median,
      from: `Estimated from ${path}: the median of its last ${speeds.length} rows.`,
    };
  } catch {
    return null;
  }
}

/** Tokens of the pass that warms up, and seconds that each of those behind it may take. */
const [warmTokens, passSeconds] = [128, 1];

/** Forward and backward passes of one batch: a short one to warm up, then for a second or three. */
async function measureSpeed(
  config: TrainConfig,
  model: Model,
  rows: readonly ShownRow[],
): Promise<Pick<PageCost, 'tokensPerSecond' | 'from'>> {
  const device = findDevice(config.device);
  const longest = rows.reduce((most, { ids }) => Math.max(most, ids.length), 2);
  const maxLength = config.maxLength ?? longest;
  const request = engineRequest(config, device, planAdapter(config, model), maxLength);
  const { engine, loaded } = startEngine(model, request);
  try {
    await loaded;
    const most = await tokensOfPass(engine, rows[0]!, request.maxTokens);
    const documents: { ids: Int32Array; labels: Int32Array }[] = [];
    let tokens = 0;
    for (const row of rows) {
      const [ids, labels] = [row.ids, row.labels].map((all) => all.subarray(0, most - tokens));
      documents.push({ ids: ids!, labels: labels! });
      tokens += ids!.length;
      if (tokens === most) break;
    }
    const batch = makeBatch(documents);
    const began = performance.now();
    let passes = 0;
    while (passes < 3 && performance.now() - began < 3000) {
      await engine.accumulate(batch);
      passes++;
    }
    const seconds = (performance.now() - began) / 1000;
    return {
      tokensPerSecond: (passes * tokens) / seconds,
      from: `Estimated by timing ${passes === 1 ? 'a pass' : `${passes} passes`} of ${tokens} tokens on ${device.name}; updates and evaluation are not in it.`,
    };
  } finally {
    engine.dispose();
  }
}

/** As many as take about a second, and the engine holds. */
async function tokensOfPass(engine: Engine, row: ShownRow, maxTokens: number): Promise<number> {
  const [ids, labels] = [row.ids, row.labels].map((all) => all.subarray(0, warmTokens));
  const batch = makeBatch([{ ids: ids!, labels: labels! }]);
  const times: number[] = [];
  for (let pass = 0; pass < 2; pass++) {
    const began = performance.now();
    await engine.accumulate(batch);
    times.push((performance.now() - began) / 1000);
  }
  const rate = batch.tokens.length / Math.min(...times);
  return Math.min(maxTokens, Math.max(batch.tokens.length, Math.floor(rate * passSeconds)));
}
