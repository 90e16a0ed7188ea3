import { existsSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Dataset } from '../batch/dataset.ts';
import { adapterSpec } from '../checkpoint/adapter.ts';
import type { Patience } from '../checkpoint/durable.ts';
import { type Lock, lockDirectory } from '../checkpoint/lock.ts';
import { CheckpointStore } from '../checkpoint/store.ts';
import { selectModules } from '../checkpoint/targets.ts';
import type { TrainConfig } from '../config.ts';
import type { Accounting } from '../data/options.ts';
import type { DeviceInfo, Engine } from '../native/addon.d.ts';
import { findDevice } from '../native/device.ts';
import { orAborted } from './abort.ts';
import { Checkpoints } from './checkpoints.ts';
import { evaluationData, evaluationFiles, trainingData } from './data.ts';
import { type Alternative, fitEngine } from './fit.ts';
import { compareIdentities, identify } from './identity.ts';
import { MetricsFile } from './metrics.ts';
import { type DType, defaultDType, type EngineRequest, type Model, openModel } from './model.ts';
import { QuarantineFile } from './quarantine.ts';
import { prepareRecord } from './record.ts';
import type { AdapterPlan } from './result.ts';
import { findCheckpoint, type Resumed, takeOver } from './resume.ts';

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
  quarantine: QuarantineFile;
  checkpoints: Checkpoints;
  store: CheckpointStore;
  /** Where the run goes on from; null: it begins. */
  resumed: Resumed | null;
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

/** Ways to train the same model in less memory, for the message that it does not fit. */
function alternatives(
  config: TrainConfig,
  device: DeviceInfo,
  model: Model,
  maxLength: number,
): Alternative[] {
  const change = (text: string, changed: Partial<TrainConfig>): Alternative => {
    const other = { ...config, ...changed };
    const adapter = planAdapter(other, model);
    return { text, request: engineRequest(other, device, adapter, maxLength) };
  };
  const found: Alternative[] = [];
  if (config.dtype === 'float32') found.push(change('dtype bfloat16', { dtype: 'bfloat16' }));
  if (config.recomputeLayers !== null) {
    found.push(change('recompute_layers null', { recomputeLayers: null }));
  }
  if (config.method === 'full') found.push(change('method lora', { method: 'lora' }));
  return found;
}

/**
 * Opens a run. Rows are being read and tokenized while memory is taken and weights are loaded.
 * Whatever fails, all that was opened is closed again.
 */
export async function openRun(config: TrainConfig, patience: Patience): Promise<Run> {
  const closers: (() => unknown)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    return await open(config, patience, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(
  config: TrainConfig,
  patience: Patience,
  closers: (() => unknown)[],
  close: () => Promise<void>,
): Promise<Run> {
  const { signal } = patience;
  const wait = <T>(promise: Promise<T>) => orAborted(promise, signal);
  const device = findDevice(config.device);
  const lock: Lock = await lockDirectory(config.outputDir);
  closers.push(() => lock.release());
  const store = new CheckpointStore(config.outputDir);
  const resumed = await wait(findCheckpoint(config, store, patience.tell));
  const model = await wait(openModel(config.model, config.adapter, config.modelRevision));
  const adapter = planAdapter(config, model);
  const options = await wait(trainingData(config, model.spec.vocabularySize));
  const { Dataset } = await import('../batch/dataset.ts');
  const bad = new QuarantineFile(join(config.outputDir, 'quarantine.jsonl'), patience);
  closers.push(() => bad.close());
  const quarantine = { quarantine: bad.add.bind(bad) };
  const opening = Dataset.open(options, quarantine);
  let reading = true;
  const read = () => {
    reading = false;
  };
  opening.then(read, read);
  closers.push(() => {
    const closed = opening.then((dataset) => dataset.close()).catch(() => {});
    // Whoever stops does not wait for files that are still being read.
    return reading && signal?.aborted ? undefined : closed;
  });
  const maxLength =
    config.maxLength ?? (await wait<number>(opening.then((dataset) => dataset.longest())));
  const request = engineRequest(config, device, adapter, maxLength);
  const { dtype } = request;
  const { record } = config;
  if (record !== null) await prepareRecord(record);
  const others = alternatives(config, device, model, maxLength);
  const { engine, loaded, capacity } = fitEngine(
    model,
    { ...request, record },
    others,
    patience.tell,
  );
  closers.push(() => engine.dispose());
  const [dataset] = await wait(Promise.all([opening, loaded]));
  let evaluation: Dataset | null = null;
  if (config.evalStrategy !== 'no') {
    const files = await wait(evaluationFiles(config));
    const batchSize = config.perDeviceTrainBatchSize;
    evaluation = await wait(Dataset.open(evaluationData(options, files, batchSize), quarantine));
    closers.push(() => evaluation?.close());
  }
  const template = options.chatTemplate;
  const parts = { model, adapter, device, dtype, engine, template, dataset, evaluation };
  const identity = lazily(() => identify(config, parts));
  if (resumed) compareIdentities(resumed.state, await wait(identity())).forEach(patience.tell);
  else if (config.saveStrategy !== 'no') identity();
  const id = await takeOver(store, resumed, patience.tell);
  bad.begin(resumed !== null);
  const metrics = await openMetrics(config, patience, resumed);
  closers.push(() => metrics.close());
  const making = { ...parts, store, metrics, id, identity, keep: config.saveTotalLimit, patience };
  const checkpoints = await Checkpoints.open(making);
  closers.push(() => checkpoints.settle());
  if (resumed) await wait(checkpoints.load(resumed.found, resumed.state));
  if (resumed?.state.account) dataset.goOn(resumed.state.account);
  return { ...parts, capacity, metrics, quarantine: bad, checkpoints, store, resumed, close };
}

/** What becomes of all rows; the bad ones are in their file then. */
export async function accountOfAll(
  { dataset, quarantine }: Run,
  signal: AbortSignal | undefined,
): Promise<Accounting> {
  const accounting = await orAborted(dataset.accounting(), signal);
  await quarantine.settle();
  return accounting;
}

/**
 * The rows that a run came to by `epoch`. One that was resumed in a later epoch has laid out those alone
 * that it took itself; the epochs before took all.
 */
export async function accountAtEnd(
  run: Run,
  epoch: number,
  { datasetStreaming }: TrainConfig,
  signal: AbortSignal | undefined,
): Promise<Accounting> {
  const { dataset, resumed, quarantine } = run;
  const known = resumed === null || epoch < 1 || datasetStreaming || signal?.aborted;
  if (!known) return accountOfAll(run, signal);
  await quarantine.settle();
  return dataset.accountingSoFar();
}

/** A call that is made once, when its result is first wanted. */
function lazily<T>(call: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= call();
    // Whoever waits for it hears of a failure.
    result.catch(() => {});
    return result;
  };
}

/** metrics.jsonl, cut to the step that is gone on from; a run of another folder brings its rows. */
async function openMetrics(
  { outputDir }: TrainConfig,
  patience: Patience,
  resumed: Resumed | null,
): Promise<MetricsFile> {
  const name = 'metrics.jsonl';
  const path = join(outputDir, name);
  if (!resumed) return new MetricsFile(path, patience);
  const before = join(dirname(resolve(resumed.found.dir)), name);
  if (before !== resolve(path) && existsSync(before)) {
    await rm(path, { force: true }); // It might be a link.
    await copyFile(before, path);
  }
  return new MetricsFile(path, patience, resumed.found.step);
}
