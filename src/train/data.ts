import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { closest } from 'fastest-levenshtein';
import type { TrainConfig } from '../config.ts';
import type { DataFile, DataOptions } from '../data/options.ts';
import { AttuneError } from '../errors.ts';
import { datasetFiles } from '../hub/dataset.ts';
import { modelDirectory } from '../hub/model.ts';
import { presetNames, presetTemplate } from '../template/presets.ts';
import { chatTemplateOf } from '../tokenizer/files.ts';

/** Threads that tokenize where nothing else is asked for; the engine wants the cores too. */
function defaultWorkers(): number {
  return Math.max(1, Math.min(4, Math.floor(availableParallelism() / 2)));
}

/**
 * The template that replaces the tokenizer's: the one that chat_template names, chat_template_path,
 * else the one that an adapter was trained with, which lies beside it.
 */
async function readTemplate({
  chatTemplate: name,
  chatTemplatePath: path,
  adapter,
}: TrainConfig): Promise<string | null> {
  if (name !== null && path !== null) {
    throw new AttuneError('config', 'chat_template and chat_template_path exclude each other');
  }
  if (name !== null) return presetTemplate(name) ?? unknownTemplate(name);
  if (path === null) return adapter === null ? null : chatTemplateOf(adapter);
  return readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'no such file' : `cannot be read (${cause.code})`;
    throw new AttuneError('config', `chat_template_path: ${path}: ${reason}`, { cause });
  });
}

function unknownTemplate(name: string): never {
  const nearest = closest(name.toLowerCase(), [...presetNames]);
  throw new AttuneError(
    'config',
    `chat_template: no template named ${JSON.stringify(name)}; did you mean ${nearest}? ` +
      `(${presetNames.join(', ')}; a file goes into chat_template_path)`,
  );
}

async function trainingFiles(config: TrainConfig): Promise<readonly DataFile[]> {
  const { dataset, datasetConfig, datasetTrainSplit } = config;
  if (dataset === null) return config.trainFile;
  return datasetFiles(dataset, datasetConfig, datasetTrainSplit);
}

/** What is evaluated on: eval_file, else a split of the data set. */
export async function evaluationFiles(config: TrainConfig): Promise<readonly DataFile[]> {
  const { dataset, datasetConfig, datasetTestSplit } = config;
  if (dataset === null || config.evalFile.length > 0) return config.evalFile;
  return datasetFiles(dataset, datasetConfig, datasetTestSplit);
}

/** What the data pipeline is told for training. Throws `config` for a template that cannot be read. */
export async function trainingData(
  config: TrainConfig,
  vocabularySize: number,
): Promise<DataOptions> {
  return {
    files: await trainingFiles(config),
    formatting: config.formattingFunc,
    tokenizerDir: await modelDirectory(config.model, config.modelRevision, false),
    vocabularySize,
    maxLength: config.maxLength,
    truncationMode: config.truncationMode,
    packing: config.packing,
    packedTogether: config.datasetBatchSize,
    completionOnlyLoss: config.completionOnlyLoss,
    assistantOnlyLoss: config.assistantOnlyLoss,
    rolesToTrain: config.rolesToTrain,
    maskHistory: config.maskHistory,
    trainOnEos: config.trainOnEos,
    datasetTextField: config.datasetTextField,
    chatTemplate: await readTemplate(config),
    sampling: config.trainSamplingStrategy,
    seed: config.seed,
    batchSize: config.perDeviceTrainBatchSize,
    workers: config.datasetNumProc ?? defaultWorkers(),
    readAll: config.maxSteps < 0,
    cache: config.datasetCache,
    onBadRow: config.onBadRow,
    streaming: config.datasetStreaming,
  };
}

/** The same rows for evaluation: in file order, never packed, `batchSize` documents at a time. */
export function evaluationData(
  training: DataOptions,
  files: readonly DataFile[],
  batchSize: number,
): DataOptions {
  return {
    ...training,
    files,
    batchSize,
    packing: false,
    sampling: 'sequential',
    readAll: true,
    streaming: false,
  };
}

/** Tokens of the longest row that is used; every row is encoded for it. */
export async function longestDocument(options: DataOptions): Promise<number> {
  const { Dataset } = await import('../batch/dataset.ts');
  const dataset = await Dataset.open({
    ...options,
    packing: false,
    readAll: true,
    streaming: false,
  });
  try {
    return await dataset.longest();
  } finally {
    await dataset.close();
  }
}
