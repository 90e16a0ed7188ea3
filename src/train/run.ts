import { join } from 'node:path';
import type { Dataset } from '../batch/dataset.ts';
import { adapterSpec } from '../checkpoint/adapter.ts';
import { type Lock, lockDirectory } from '../checkpoint/lock.ts';
import { selectModules } from '../checkpoint/targets.ts';
import type { TrainConfig } from '../config.ts';
import type { DeviceInfo, Engine } from '../native/addon.d.ts';
import { findDevice } from '../native/device.ts';
import { evaluationData, evaluationFiles, longestDocument, trainingData } from './data.ts';
import { MetricsFile } from './metrics.ts';
import {
  type DType,
  defaultDType,
  type EngineRequest,
  type Model,
  openModel,
  startEngine,
} from './model.ts';
import { prepareRecord } from './record.ts';
import type { AdapterPlan } from './result.ts';

/** Tokens that keep a device busy; holding the activations of more buys little speed. */
const ENOUGH_TOKENS = { cpu: 1024, cuda: 8192 };

/** Everything that a training run holds. */
export interface Run {
  model: Model;
  adapter: AdapterPlan | null;
  device: DeviceInfo;
  dtype: DType;
  engine: Engine;
  /** The most tokens that the engine takes at a time; larger micro-batches go in parts. */
  capacity: number;
  dataset: Dataset;
  /** The chat template that replaced the tokenizer's, or null. */
  template: string | null;
  evaluation: Dataset | null;
  metrics: MetricsFile;
  close(): Promise<void>;
}

/** The adapter of a run: the one it continues from, or a new one as configured. */
export function planAdapter(config: TrainConfig, model: Model): AdapterPlan | null {
  if (config.method === 'full') return null;
  if (model.adapter) return { config: model.adapter.config, modules: model.adapter.modules };
  return {
    config: {
      rank: config.loraR,
      alpha: config.loraAlpha,
      dropout: config.loraDropout,
      rsLora: config.useRslora,
      baseModel: config.model,
      revision: null,
    },
    modules: selectModules(model.descriptor, model.spec, config.loraTargetModules),
  };
}

/** The engine of a run on `device` whose documents have up to `maxLength` tokens. */
export function engineRequest(
  config: TrainConfig,
  device: DeviceInfo,
  adapter: AdapterPlan | null,
  maxLength: number,
): EngineRequest & { dtype: DType } {
  return {
    method: config.method,
    device: device.id,
    tf32: config.tf32,
    dtype: config.dtype ?? defaultDType(device),
    maxTokens: Math.min(
      maxLength * config.perDeviceTrainBatchSize,
      Math.max(maxLength, ENOUGH_TOKENS[device.kind]),
    ),
    maxLength,
    ...(adapter ? { adapter: adapterSpec(adapter.config, adapter.modules) } : {}),
    training: {
      recompute: config.recomputeLayers,
      seed: config.seed,
      loss: config.lossType,
      labelSmoothing: config.labelSmoothingFactor,
    },
  };
}

/**
 * Opens a run. Rows are being read and tokenized while memory is taken and weights are loaded.
 * Whatever fails, all that was opened is closed again.
 */
export async function openRun(config: TrainConfig): Promise<Run> {
  const closers: (() => unknown)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    return await open(config, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(
  config: TrainConfig,
  closers: (() => unknown)[],
  close: () => Promise<void>,
): Promise<Run> {
  const device = findDevice(config.device);
  const lock: Lock = await lockDirectory(config.outputDir);
  closers.push(() => lock.release());
  const model = await openModel(config.model, config.adapter, config.modelRevision);
  const adapter = planAdapter(config, model);
  const options = await trainingData(config, model.spec.vocabularySize);
  const { Dataset } = await import('../batch/dataset.ts');
  const opening = Dataset.open(options);
  closers.push(() => opening.then((dataset) => dataset.close()).catch(() => {}));
  const maxLength = config.maxLength ?? (await longestDocument(options));
  const request = engineRequest(config, device, adapter, maxLength);
  const { dtype, maxTokens: capacity } = request;
  const { record } = config;
  if (record !== null) await prepareRecord(record);
  const { engine, loaded } = startEngine(model, { ...request, record });
  closers.push(() => engine.dispose());
  const [dataset] = await Promise.all([opening, loaded]);
  let evaluation: Dataset | null = null;
  if (config.evalStrategy !== 'no') {
    evaluation = await Dataset.open(
      evaluationData(options, await evaluationFiles(config), config.perDeviceTrainBatchSize),
    );
    closers.push(() => evaluation?.close());
  }
  const metrics = new MetricsFile(join(config.outputDir, 'metrics.jsonl'));
  closers.push(() => metrics.close());
  const template = options.chatTemplate;
  return {
    model,
    adapter,
    device,
    dtype,
    engine,
    capacity,
    dataset,
    template,
    evaluation,
    metrics,
    close,
  };
}
