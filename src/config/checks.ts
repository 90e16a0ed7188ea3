import { resolve } from 'node:path';
import { AttuneError } from '../errors.ts';
import { type Entry, entryError } from './entry.ts';
import { type KeyName, snakeCase, type TrainConfig } from './table.ts';

/** Keys as they were given, for the place in a message. */
export type Given = ReadonlyMap<string, Entry>;

type Rule = (config: TrainConfig) => [KeyName, string] | null;

/** Features that are not built yet: the key that asks for one, and what to say. */
const unbuilt: Rule[] = [
  (c) => (c.useDora ? ['useDora', 'DoRA is not built yet'] : null),
  (c) =>
    c.loraModulesToSave?.length
      ? ['loraModulesToSave', 'modules trained whole beside an adapter are not built yet']
      : null,
  (c) =>
    c.neftuneNoiseAlpha ? ['neftuneNoiseAlpha', 'noise on the embeddings is not built yet'] : null,
  (c) =>
    c.reportTo === 'none'
      ? null
      : ['reportTo', 'reports besides metrics.jsonl are not built yet; use none'],
];

/** Keys that do not go together. */
const combinations: Rule[] = [
  (c) => (c.trainFile.length === 0 && c.dataset === null ? ['trainFile', 'is required'] : null),
  (c) =>
    c.trainFile.length > 0 && c.dataset !== null
      ? ['dataset', 'give train_file or dataset, not both']
      : null,
  (c) => (c.packing && c.maxLength === null ? ['packing', 'needs max_length'] : null),
  (c) =>
    c.packing && c.trainSamplingStrategy === 'group_by_length'
      ? ['trainSamplingStrategy', 'group_by_length does nothing for packed rows; use random']
      : null,
  (c) =>
    c.datasetStreaming && c.maxSteps < 0
      ? ['datasetStreaming', 'needs max_steps: how long an epoch is shows at its end']
      : null,
  (c) =>
    c.datasetStreaming && c.maxLength === null
      ? ['datasetStreaming', 'needs max_length: the longest row shows at the end']
      : null,
  (c) =>
    c.datasetStreaming && c.trainSamplingStrategy === 'group_by_length'
      ? ['datasetStreaming', 'excludes group_by_length, which needs all lengths']
      : null,
  (c) =>
    c.evalStrategy !== 'no' && c.evalFile.length === 0 && c.dataset === null
      ? ['evalStrategy', 'needs eval_file']
      : null,
  (c) =>
    c.adapter !== null && c.method === 'full'
      ? ['adapter', 'an adapter is trained with method lora; merge it first to train every weight']
      : null,
  (c) =>
    c.lossType === 'dft' && c.labelSmoothingFactor > 0
      ? ['labelSmoothingFactor', 'needs loss_type nll']
      : null,
  (c) =>
    c.shuffle === false && c.trainSamplingStrategy === 'group_by_length'
      ? ['shuffle', 'false contradicts train_sampling_strategy group_by_length']
      : null,
  (c) =>
    c.shuffle === true && c.trainSamplingStrategy === 'sequential'
      ? ['shuffle', 'true contradicts train_sampling_strategy sequential']
      : null,
  (c) =>
    resolve(c.outputDir) === resolve(c.model) && c.method === 'full'
      ? ['outputDir', 'is the model’s own directory, whose weights would be replaced']
      : null,
  (c) =>
    c.lrSchedulerType === 'reduce_lr_on_plateau' && c.evalStrategy === 'no'
      ? ['lrSchedulerType', 'reduce_lr_on_plateau needs eval_strategy steps or epoch']
      : null,
  (c) =>
    c.saveStrategy === 'best' && c.evalStrategy === 'no'
      ? ['saveStrategy', 'best needs eval_strategy steps or epoch']
      : null,
  (c) =>
    c.skipBatches > 0 && c.rewind === null && c.resumeFromCheckpoint === null
      ? ['skipBatches', 'needs rewind or resume_from_checkpoint']
      : null,
  (c) =>
    c.rewind !== null && isPath(c.resumeFromCheckpoint)
      ? [
          'rewind',
          'looks for a checkpoint of its own: give it or the path in resume_from_checkpoint',
        ]
      : null,
  (c) =>
    c.loadBestModelAtEnd && !savesWhatItEvaluates(c)
      ? [
          'loadBestModelAtEnd',
          'needs a checkpoint of every evaluation: save_strategy best, or the same as eval_strategy with the same steps',
        ]
      : null,
];

/** Whether resume_from_checkpoint names a folder. */
const isPath = (from: string | null): boolean =>
  from !== null && !['auto', 'true', 'none', 'false'].includes(from);

/** As transformers asks: the best evaluation must not be one that no checkpoint was made of. */
function savesWhatItEvaluates(c: TrainConfig): boolean {
  if (c.evalStrategy === 'no' || c.saveStrategy === 'no') return false;
  if (c.saveStrategy === 'best') return true;
  if (c.saveStrategy !== c.evalStrategy) return false;
  return c.saveStrategy === 'epoch' || c.evalSteps % c.saveSteps === 0;
}

/** Throws `config` for what is not built and for keys that do not go together. */
export function checkConfig(config: TrainConfig, given: Given): void {
  for (const rule of [...unbuilt, ...combinations]) {
    const broken = rule(config);
    if (!broken) continue;
    const [name, message] = broken;
    const at = given.get(name);
    throw at
      ? entryError(at, message)
      : new AttuneError('config', `${snakeCase(name)}: ${message}`);
  }
}
