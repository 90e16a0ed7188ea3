import { dataKeys } from './datakeys.ts';
import { guarding } from './guarding.ts';
import { type Key, key } from './key.ts';
import * as kind from './kinds.ts';
import { saving } from './saving.ts';

export type { Group, Key } from './key.ts';
export { camelCase, kebabCase, snakeCase } from './spelling.ts';

const { text, truth, paths, targets, number, integer, steps, stepsOrNone, choice, orNull } = kind;
const positive = number('a number above 0', (n) => n > 0);
const atLeastZero = number('a number of 0 or more', (n) => n >= 0);
const share = number('a number from 0 to below 1', (n) => n >= 0 && n < 1);
const stepsOrAll = number(
  '-1 or an integer of 1 or more',
  (n) => n === -1 || (Number.isSafeInteger(n) && n > 0),
);
const when = choice('no', 'steps', 'epoch');

/** Every schedule of the learning rate, by transformers' names. */
export const SCHEDULES = [
  'linear',
  'cosine',
  'cosine_with_restarts',
  'polynomial',
  'constant',
  'constant_with_warmup',
  'inverse_sqrt',
  'reduce_lr_on_plateau',
  'cosine_with_min_lr',
  'cosine_warmup_with_min_lr',
  'warmup_stable_decay',
] as const;

/** The one table of configuration keys: parsing, flags, --help, types and defaults come from it. */
export const table = {
  model: key(
    'model',
    text,
    undefined,
    'Model directory in Hugging Face layout, or its id on the hub',
  ),
  modelRevision: key('model', text, 'main', 'Branch, tag or commit of a model of the hub'),
  adapter: key('model', orNull(text), null, 'PEFT adapter directory to continue from'),
  method: key('model', choice('lora', 'full'), 'lora', 'Train an adapter, or every weight'),
  dtype: key(
    'model',
    orNull(choice('bfloat16', 'float32')),
    null,
    'Type of the computation; null: bfloat16 where the hardware computes it',
  ),
  device: key(
    'model',
    kind.device,
    'auto',
    'Where to train; auto: the first GPU that can be used, else the processor',
  ),
  tf32: key(
    'model',
    orNull(truth),
    null,
    'A GPU may round the inputs of float32 products to TF32; null: false',
  ),
  recomputeLayers: key(
    'model',
    orNull(integer(0)),
    null,
    'Layers that the backward pass runs again to save memory; null: as few as memory allows',
  ),
  outputDir: key('model', text, 'trainer_output', 'Directory for the result and metrics.jsonl'),

  ...dataKeys,

  loraR: key('lora', integer(1), 16, 'Rank of the adapter'),
  loraAlpha: key('lora', positive, 32, 'Adapter scale is lora_alpha / lora_r'),
  loraDropout: key('lora', share, 0, 'Dropout on the input of the adapter'),
  loraTargetModules: key('lora', targets, 'all-linear', 'Modules that get an adapter'),
  useRslora: key('lora', truth, false, 'Scale by lora_alpha / √lora_r instead'),
  useDora: key('lora', truth, false, 'Weight-decomposed adapters'),
  loraModulesToSave: key('lora', orNull(paths), null, 'Modules trained whole beside the adapter'),

  perDeviceTrainBatchSize: key(
    'training',
    integer(1),
    8,
    'Documents, or packed rows, in a micro-batch',
  ),
  gradientAccumulationSteps: key('training', integer(1), 1, 'Micro-batches in an optimizer step'),
  numTrainEpochs: key('training', positive, 3, 'Passes over the data'),
  maxSteps: key('training', stepsOrAll, -1, 'Optimizer steps; wins over num_train_epochs'),
  learningRate: key<number>('training', atLeastZero, undefined, 'Peak learning rate'),
  lrSchedulerType: key('training', choice(...SCHEDULES), 'linear', 'Schedule of the learning rate'),
  lrSchedulerKwargs: key('training', kind.settings, {}, 'Settings of the schedule'),
  warmupSteps: key('training', stepsOrNone, 0, 'Steps of warm-up; below 1: share of the run'),
  weightDecay: key(
    'training',
    atLeastZero,
    0,
    'Decoupled weight decay; biases and norms have none',
  ),
  adamBeta1: key('training', share, 0.9, 'AdamW’s first decay rate'),
  adamBeta2: key('training', share, 0.999, 'AdamW’s second decay rate'),
  adamEpsilon: key('training', positive, 1e-8, 'AdamW’s epsilon'),
  maxGradNorm: key('training', atLeastZero, 1, 'Largest gradient norm; 0: no clipping'),
  labelSmoothingFactor: key('training', share, 0, 'Label smoothing'),
  lossType: key('training', choice('nll', 'dft'), 'nll', 'Loss that is trained'),
  neftuneNoiseAlpha: key('training', orNull(atLeastZero), null, 'Noise on the embeddings'),
  seed: key('training', integer(0), 42, 'Seed of order, adapter and dropout'),
  ...guarding,

  loggingSteps: key(
    'reporting',
    steps,
    10,
    'Steps between rows of metrics.jsonl; below 1: share of the run',
  ),
  evalStrategy: key('reporting', when, 'no', 'When to evaluate on eval_file'),
  evalSteps: key<number>(
    'reporting',
    steps,
    undefined,
    'Steps between evaluations; below 1: share of the run',
  ),
  ...saving,
  reportTo: key('reporting', text, 'none', 'Where metrics go besides metrics.jsonl'),
  record: key('reporting', orNull(text), null, 'Directory for a record, which can be replayed'),
} as const;

export type KeyName = keyof typeof table;

type ValueOf<K> = K extends Key<infer T> ? T : never;

/** A whole configuration, checked and frozen. */
export type TrainConfig = { readonly [K in KeyName]: ValueOf<(typeof table)[K]> };

export const keyNames = Object.keys(table) as KeyName[];

/** What a key has when it is not given, for people. */
export function shownDefault(name: KeyName): string {
  if (name === 'learningRate') return '2e-4, with method full 2e-5';
  if (name === 'evalSteps') return 'logging_steps';
  const { fallback } = table[name];
  if (fallback === undefined) return 'required';
  if (Array.isArray(fallback)) return 'none';
  return typeof fallback === 'string' ? fallback : JSON.stringify(fallback);
}
