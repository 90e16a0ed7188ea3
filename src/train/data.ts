import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { TrainConfig } from '../config.ts';
import type { DataFile, DataOptions } from '../data/options.ts';
import { AttuneError } from '../errors.ts';
import { datasetFiles } from '../hub/dataset.ts';
import { modelDirectory } from '../hub/model.ts';
import { chatTemplateOf } from '../tokenizer/files.ts';

/** Threads that tokenize where nothing else is asked for; the engine wants the cores too. */
function defaultWorkers(): number {
  return Math.max(1, Math.min(4, Math.floor(availableParallelism() / 2)));
}

/**
 * The template that replaces the tokenizer's: chat_template_path, else the one that an adapter was
 * trained with, which lies beside it.
 */
async function readTemplate(path: string | null, adapter: string | null): Promise<string | null> {
  if (path === null) return adapter === null ? null : chatTemplateOf(adapter);
  return readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'no such file' : `cannot be read (${cause.code})`;
    throw new AttuneError('config', `chat_template_path: ${path}: ${reason}`, { cause });
  });
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
    completionOnlyLoss: config.completionOnlyLoss,
    assistantOnlyLoss: config.assistantOnlyLoss,
    datasetTextField: config.datasetTextField,
    chatTemplate: await readTemplate(config.chatTemplatePath, config.adapter),
    sampling: config.trainSamplingStrategy,
    seed: config.seed,
    batchSize: config.perDeviceTrainBatchSize,
    workers: config.datasetNumProc ?? defaultWorkers(),
  };
}

/** The same rows for evaluation: in file order, never packed, `batchSize` documents at a time. */
export function evaluationData(
  training: DataOptions,
  files: readonly DataFile[],
  batchSize: number,
): DataOptions {
  return { ...training, files, batchSize, packing: false, sampling: 'sequential' };
}

/** Tokens of the longest row that is used, at the price of reading every row once more. */
export async function longestDocument(options: DataOptions): Promise<number> {
  const { Dataset } = await import('../batch/dataset.ts');
  const dataset = await Dataset.open({ ...options, packing: false });
  try {
    let longest = 1;
    for await (const row of dataset.inspect()) {
      if (row.dropped === null) longest = Math.max(longest, row.input_ids.length);
    }
    return longest;
  } finally {
    await dataset.close();
  }
}
