import type { Dataset } from '../batch/dataset.ts';
import { inParts } from '../batch/parts.ts';
import { resolveOptions, type TrainConfig, type TrainOptions } from '../config.ts';
import type { Accounting, DataFile } from '../data/options.ts';
import { AttuneError } from '../errors.ts';
import type { BatchSums, Engine } from '../native/addon.d.ts';
import { evaluationData, longestDocument, trainingData } from './data.ts';
import type { EvaluationRow } from './metrics.ts';
import { openModel, startEngine } from './model.ts';
import { addSums, emptySums } from './sums.ts';

/** Tokens that a batch holds when evaluation alone runs. */
const BATCH_TOKENS = 2048;

/** The keys of training that say how data is read mean the same here. */
export type EvaluateOptions = Pick<
  TrainOptions,
  | 'model'
  | 'adapter'
  | 'dtype'
  | 'device'
  | 'tf32'
  | 'maxLength'
  | 'truncationMode'
  | 'completionOnlyLoss'
  | 'assistantOnlyLoss'
  | 'rolesToTrain'
  | 'maskHistory'
  | 'trainOnEos'
  | 'datasetTextField'
  | 'formattingFunc'
  | 'modelRevision'
  | 'chatTemplate'
  | 'chatTemplatePath'
  | 'datasetNumProc'
  | 'onBadRow'
> & {
  /** Files of rows. */
  data: DataFile | readonly DataFile[];
  signal?: AbortSignal;
  /** Called after each batch with the trained tokens seen so far. */
  onProgress?: (tokens: number) => void;
};

export interface Evaluation {
  /** Nats per trained token; independent of batching. */
  nll: number;
  tokens: number;
  /** e to the nll. */
  perplexity: number;
  meanTokenAccuracy: number;
  /** Nats. */
  entropy: number;
  accounting: Accounting;
}

/** Loss of a model on files, every trained token weighing the same. */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { data, signal, onProgress, ...rest } = options;
  return evaluateConfig(resolveOptions({ ...rest, trainFile: data }).config, signal, onProgress);
}

/** The same, of a configuration that was checked before; the data is its `trainFile`. */
export async function evaluateConfig(
  config: TrainConfig,
  signal?: AbortSignal,
  onProgress?: (tokens: number) => void,
): Promise<Evaluation> {
  const model = await openModel(config.model, config.adapter, config.modelRevision);
  const { Dataset } = await import('../batch/dataset.ts');
  const training = await trainingData(config, model.spec.vocabularySize);
  const maxLength = config.maxLength ?? (await longestDocument(training));
  const batchSize = Math.max(1, Math.floor(BATCH_TOKENS / maxLength));
  const opening = Dataset.open(evaluationData(training, training.files, batchSize));
  let engine: Engine | null = null;
  try {
    const started = startEngine(model, {
      method: 'none',
      device: config.device,
      tf32: config.tf32,
      dtype: config.dtype,
      maxTokens: batchSize * maxLength,
      maxLength,
    });
    engine = started.engine;
    const [dataset] = await Promise.all([opening, started.loaded]);
    const sums = await evaluateDataset(engine, dataset, batchSize * maxLength, signal, onProgress);
    return { ...means(sums), accounting: await dataset.accounting() };
  } finally {
    engine?.dispose();
    await opening.then((dataset) => dataset.close()).catch(() => {});
  }
}

/** Sums over every batch of one pass, at most `capacity` tokens at a time. Throws `aborted` between batches, `data` for no tokens. */
export async function evaluateDataset(
  engine: Pick<Engine, 'evaluate'>,
  dataset: Pick<Dataset, 'batches'>,
  capacity: number,
  signal?: AbortSignal,
  onProgress?: (tokens: number) => void,
): Promise<BatchSums> {
  const sums = emptySums();
  for await (const batch of dataset.batches(0)) {
    if (signal?.aborted) throw new AttuneError('aborted', 'evaluation was interrupted');
    const parts = inParts(batch, capacity).map((part) => engine.evaluate(part));
    for (const part of parts) addSums(sums, await part);
    onProgress?.(sums.tokens);
  }
  if (sums.tokens === 0) throw new AttuneError('data', 'evaluation: no row has a token to predict');
  return sums;
}

/** A row of metrics.jsonl about an evaluation while training; null where `signal` interrupted it. */
export async function evaluationRow(
  run: { engine: Pick<Engine, 'evaluate'>; evaluation: Dataset | null; capacity: number },
  { done: step, epoch }: { done: number; epoch: number },
  signal?: AbortSignal,
): Promise<EvaluationRow | null> {
  const start = performance.now();
  try {
    const sums = await evaluateDataset(run.engine, run.evaluation!, run.capacity, signal);
    const { nll, tokens, meanTokenAccuracy, entropy } = means(sums);
    return {
      step,
      epoch,
      eval_loss: nll,
      eval_mean_token_accuracy: meanTokenAccuracy,
      eval_entropy: entropy,
      eval_tokens: tokens,
      eval_runtime: (performance.now() - start) / 1000,
    };
  } catch (error) {
    if (signal?.aborted) return null;
    throw error;
  }
}

/** Sums divided by their tokens. */
export function means(sums: BatchSums): Omit<Evaluation, 'accounting'> {
  const nll = sums.nll / sums.tokens;
  return {
    nll,
    tokens: sums.tokens,
    perplexity: Math.exp(nll),
    meanTokenAccuracy: sums.correct / sums.tokens,
    entropy: sums.entropy / sums.tokens,
  };
}
