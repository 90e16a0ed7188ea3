import { join } from 'node:path';
import { camelCase, type KeyName, keyNames, snakeCase, table } from '../config/table.ts';
import type { TrainConfig } from '../config.ts';
import { AttuneError } from '../errors.ts';
import { version } from '../version.ts';
import {
  dataPrints,
  filesPrint,
  modelPrint,
  modulePrint,
  type RowSource,
  textPrint,
} from './fingerprint.ts';
import type { DType, Model } from './model.ts';
import type { Identity } from './state.ts';

/** What the identity of a run is taken from. */
export interface Parts {
  model: Model;
  device: { id: string };
  dtype: DType;
  template: string | null;
  dataset: { sources: readonly RowSource[] };
  evaluation: { sources: readonly RowSource[] } | null;
}

/** What a run is made of, as its checkpoints keep it. Reads every data file once. */
export async function identify(config: TrainConfig, parts: Parts): Promise<Identity> {
  const { model, device, dtype, template, dataset, evaluation } = parts;
  const { tokenizerFiles } = await import('../tokenizer/files.ts');
  const tokenizer = tokenizerFiles(model.dir).map((name) => join(model.dir, name));
  return {
    attune_version: version,
    device: device.id,
    dtype,
    config: plainConfig(config),
    fingerprints: {
      model: await modelPrint(model.dir, model.checkpoint.tensors),
      tokenizer: await filesPrint(tokenizer),
      ...(template === null ? {} : { chat_template: textPrint(template) }),
      ...(config.formattingFunc === null
        ? {}
        : { formatting_func: await modulePrint(config.formattingFunc) }),
      ...(await dataPrints('train_file', dataset.sources)),
      ...(await dataPrints('eval_file', evaluation?.sources ?? [])),
    },
  };
}

export function plainConfig(config: TrainConfig): Record<string, unknown> {
  return Object.fromEntries(keyNames.map((name) => [snakeCase(name), config[name]]));
}

/**
 * What may change between a checkpoint and the run that goes on from it, key by key. A key that is
 * not here must be the same.
 *
 * - `free`: changes nothing that is computed, or is compared by content (`fingerprints`).
 * - `new`: the new value is used from now on, and a line says so.
 * - `split`: the same rows in every step, cut into micro-batches otherwise.
 */
const CHANGES: Readonly<Record<string, 'free' | 'new' | 'split'>> = {
  model: 'free',
  model_revision: 'free',
  adapter: 'free',
  output_dir: 'free',
  train_file: 'free',
  eval_file: 'free',
  dataset: 'free',
  dataset_config: 'free',
  dataset_train_split: 'free',
  dataset_test_split: 'free',
  formatting_func: 'free',
  chat_template: 'free',
  chat_template_path: 'free',
  dataset_num_proc: 'free',
  dataset_cache: 'free',
  recompute_layers: 'free',
  dtype: 'free',
  device: 'free',
  logging_steps: 'free',
  save_strategy: 'free',
  save_steps: 'free',
  save_total_limit: 'free',
  resume_from_checkpoint: 'free',
  rewind: 'free',
  skip_batches: 'free',
  report_to: 'free',
  isolate: 'free',
  isolate_timeout: 'free',
  record: 'free',

  tf32: 'new',
  num_train_epochs: 'new',
  max_steps: 'new',
  learning_rate: 'new',
  lr_scheduler_type: 'new',
  lr_scheduler_kwargs: 'new',
  warmup_steps: 'new',
  weight_decay: 'new',
  adam_beta1: 'new',
  adam_beta2: 'new',
  adam_epsilon: 'new',
  max_grad_norm: 'new',
  label_smoothing_factor: 'new',
  loss_type: 'new',
  eval_strategy: 'new',
  eval_steps: 'new',
  load_best_model_at_end: 'new',
  metric_for_best_model: 'new',
  greater_is_better: 'new',
  non_finite: 'new',
  non_finite_limit: 'new',
  loss_spike: 'new',
  loss_spike_factor: 'new',
  loss_spike_patience: 'new',
  loss_spike_window: 'new',

  per_device_train_batch_size: 'split',
  gradient_accumulation_steps: 'split',
};

const shown = (value: unknown) => (value === undefined ? 'not there' : JSON.stringify(value));
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/**
 * Compares a checkpoint's identity with that of the run that goes on from it. Returns a line for
 * each difference of which the new side is used; throws `checkpoint` for those that cannot be, all
 * of them in one message.
 */
export function compareIdentities(before: Identity, now: Identity): string[] {
  const refused: string[] = [];
  const notes: string[] = [];
  const differs = (key: string, a: unknown, b: unknown, isFatal: boolean) => {
    if (same(a, b)) return;
    if (isFatal) refused.push(`${key} was ${shown(a)}, now ${shown(b)}`);
    else notes.push(`${key} was ${shown(a)}; ${shown(b)} is used from now on`);
  };
  for (const key of union(before.config, now.config)) {
    const change = CHANGES[key];
    if (change === 'free' || change === 'split') continue;
    differs(key, settingOf(before.config, key), settingOf(now.config, key), change !== 'new');
  }
  split(before.config, now.config, refused, notes);
  differs('dtype', before.dtype, now.dtype, true);
  differs('device', before.device, now.device, false);
  differs('attune', before.attune_version, now.attune_version, false);
  for (const key of union(before.fingerprints, now.fingerprints)) {
    const [a, b] = [before.fingerprints[key], now.fingerprints[key]];
    if (a === b) continue;
    const text = `${key} is not what it was`;
    if (key.startsWith('eval_file')) notes.push(`${text}; the new one is used from now on`);
    else refused.push(text);
  }
  if (refused.length === 0) return notes;
  throw new AttuneError(
    'checkpoint',
    `the checkpoint cannot be resumed with other data or settings: ${refused.join('; ')}. ` +
      'Put them back, or begin a new run in another output_dir',
  );
}

/** Whether two configurations ask for the same rewind and the same training behind it. */
export function sameRewind(before: Identity['config'], now: Identity['config']): boolean {
  return union(before, now).every(
    (key) =>
      (CHANGES[key] === 'free' && key !== 'rewind' && key !== 'skip_batches') ||
      same(settingOf(before, key), settingOf(now, key)),
  );
}

/** A key that a version of attune does not have is at its default. */
function settingOf(config: Identity['config'], key: string): unknown {
  if (Object.hasOwn(config, key)) return config[key];
  const name = camelCase(key);
  return Object.hasOwn(table, name) ? table[name as KeyName].fallback : undefined;
}

function union(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])];
}

/** Rows of a step are what it is; into how many micro-batches they are cut is not. */
function split(
  before: Identity['config'],
  now: Identity['config'],
  refused: string[],
  notes: string[],
): void {
  const keys = ['per_device_train_batch_size', 'gradient_accumulation_steps'];
  const [a, b] = [before, now].map((config) => keys.map((key) => Number(config[key])));
  if (same(a, b)) return;
  const [was, is] = [a, b].map((pair) => `${pair![0]} × ${pair![1]}`);
  if (a![0]! * a![1]! !== b![0]! * b![1]!) {
    refused.push(`rows in a step were ${was}, now ${is}`);
  } else if (now.train_sampling_strategy === 'group_by_length') {
    refused.push(`${keys[0]} orders the rows under group_by_length, and was ${was}, now ${is}`);
  } else notes.push(`micro-batches were ${was}; ${is} is used from now on, the same rows a step`);
}
