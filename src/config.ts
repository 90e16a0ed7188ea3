import * as v from 'valibot';
import { checkConfig, type Given } from './config/checks.ts';
import { type Entry, entry, entryError, shown, unknownKey } from './config/entry.ts';
import type { ExportedInput } from './config/exported.ts';
import { type Key, type KeyName, keyNames, type TrainConfig, table } from './config/table.ts';
import { translate, trlNames } from './config/trl.ts';
import { AttuneError } from './errors.ts';

export type { TrainConfig } from './config/table.ts';

type Input<T> = T extends readonly (infer E)[] ? T | E | readonly E[] : T;

/** What SFTTrainer takes: the configuration keys in camelCase; `model` and `trainFile` must be there. */
export type TrainOptions = {
  [K in Exclude<KeyName, 'formattingFunc'>]?: Input<TrainConfig[K]> | undefined;
} & {
  model: string;
  formattingFunc?: ExportedInput | null | undefined;
  /** The same. */
  formatting?: ExportedInput | null | undefined;
};

/** A configuration, and one line for each thing in it that is accepted without effect. */
export interface Resolved {
  config: TrainConfig;
  notes: string[];
}

/**
 * Checks entries (later ones win), fills in defaults and freezes the result. Throws `config` with
 * the place, what was expected and what was received.
 */
export function resolveConfig(written: readonly Entry[]): Resolved {
  const { entries, notes } = translate(written);
  const given = new Map<string, Entry>();
  for (const at of entries) {
    if (!Object.hasOwn(table, at.name)) throw unknownKey(at, trlNames);
    const before = given.get(at.name);
    if (before?.source === at.source && before.name === at.name) {
      const isFlag = at.source === 'flag' && table[at.name as KeyName].kind.many;
      const remedy = isFlag ? `; several values go behind one ${at.label}` : '';
      throw entryError(at, `was given before as ${before.label}${remedy}`);
    }
    given.set(at.name, at);
  }
  const values: Record<string, unknown> = {};
  for (const name of keyNames) values[name] = settle(name, given.get(name));
  values.learningRate ??= values.method === 'full' ? 2e-5 : 2e-4;
  values.evalSteps ??= values.loggingSteps;
  if (values.shuffle === false) values.trainSamplingStrategy = sampling(values, given);
  for (const value of Object.values(values)) Object.freeze(value);
  const config = Object.freeze(values) as TrainConfig;
  checkConfig(config, given);
  return { config, notes: [...notes, ...unused(config, given)] };
}

/** The configuration of an options object. */
export function resolveOptions(options: Readonly<Record<string, unknown>>): Resolved {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return resolveConfig(given.map(([name, value]) => entry('option', name, value)));
}

/** null is the default where it is no value of its own. */
function settle(name: KeyName, at: Entry | undefined): unknown {
  const { kind, fallback } = table[name] as Key<unknown>;
  if (at === undefined) {
    if (fallback !== undefined || name === 'learningRate' || name === 'evalSteps') return fallback;
    throw new AttuneError('config', `${name} is required`);
  }
  const result = v.safeParse(kind.check, at.value);
  if (result.success) return result.output;
  if (at.value === null && fallback !== undefined) return fallback;
  if (at.value === null && name !== 'model') return undefined;
  throw entryError(at, `expected ${kind.expected}, received ${shown(at.value)}`);
}

/** `shuffle: false` is sequential unless another order was asked for, which is an error later. */
function sampling(values: Record<string, unknown>, given: Given): unknown {
  return given.has('trainSamplingStrategy') ? values.trainSamplingStrategy : 'sequential';
}

function unused(config: TrainConfig, given: Given): string[] {
  const notes: string[] = [];
  const note = (name: KeyName, reason: string) => {
    const at = given.get(name);
    if (at) notes.push(`${at.label} is not used: ${reason}`);
  };
  if (config.evalStrategy === 'no') note('evalFile', 'eval_strategy is no');
  if (config.maxSteps > 0) note('numTrainEpochs', 'max_steps wins');
  const lora: KeyName[] = ['loraR', 'loraAlpha', 'loraDropout', 'loraTargetModules', 'useRslora'];
  if (config.method === 'full') for (const name of lora) note(name, 'method is full');
  else if (config.adapter) for (const name of lora) note(name, 'the adapter’s own holds');
  return notes;
}
