import { AttuneError } from '../errors.ts';
import type { ModelSpec } from '../native/addon.d.ts';
import type { ModelConfig } from './descriptor.ts';

/** A `checkpoint` error about one field of config.json. */
export function fieldError(key: string, message: string): AttuneError {
  return new AttuneError('checkpoint', `config.json: ${key}: ${message}`);
}

function present(config: ModelConfig, key: string): unknown {
  return Object.hasOwn(config, key) ? (config[key] ?? undefined) : undefined;
}

function wrong(key: string, expected: string, value: unknown): AttuneError {
  const received = value === undefined ? 'nothing' : JSON.stringify(value);
  return fieldError(key, `expected ${expected}, received ${received}`);
}

/** Larger ones are no sizes of a model, and sums of them need not be exact. */
const largest = 2 ** 31 - 1;

/** A positive integer; required where no fallback is given. */
export function integer(config: ModelConfig, key: string, fallback?: number): number {
  const value = present(config, key) ?? fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > largest) {
    throw wrong(key, 'a positive integer below 2^31', value);
  }
  return value;
}

/** A positive finite number; required where no fallback is given. */
export function positive(config: ModelConfig, key: string, fallback?: number): number {
  const value = present(config, key) ?? fallback;
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
    throw wrong(key, 'a positive number', value);
  }
  return value;
}

/** true or false. */
export function flag(config: ModelConfig, key: string, fallback: boolean): boolean {
  const value = present(config, key) ?? fallback;
  if (typeof value !== 'boolean') throw wrong(key, 'true or false', value);
  return value;
}

const ACTIVATIONS: Record<string, ModelSpec['activation']> = {
  silu: 'silu',
  swish: 'silu',
  relu: 'relu',
  gelu: 'gelu',
  gelu_new: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
};

/** The engine's name of an activation function. */
export function activation(
  config: ModelConfig,
  key: string,
  fallback: string,
): ModelSpec['activation'] {
  const value = present(config, key) ?? fallback;
  const found =
    typeof value === 'string' && Object.hasOwn(ACTIVATIONS, value) ? ACTIVATIONS[value] : undefined;
  if (!found) throw wrong(key, `one of ${Object.keys(ACTIVATIONS).join(', ')}`, value);
  return found;
}

/** Refuses a setting by name unless it is absent, null or `allowed`. */
export function only(config: ModelConfig, key: string, allowed?: unknown): void {
  const value = present(config, key);
  if (value === undefined || value === allowed) return;
  throw fieldError(key, `${JSON.stringify(value)} is not supported`);
}

/** Refuses settings by name where they are given and not null. */
export function refuse(config: ModelConfig, ...keys: string[]): void {
  for (const key of keys) only(config, key);
}

/** One note for each of `keys` that is a number above 0: dropout of the base model is not applied. */
export function dropoutNotes(config: ModelConfig, keys: readonly string[]): string[] {
  return keys
    .filter((key) => typeof config[key] === 'number' && config[key] > 0)
    .map((key) => `config.json sets ${key} ${config[key]}; it is not applied while training`);
}

/** `whole / parts`, which must divide. */
export function quotient(key: string, whole: number, parts: number): number {
  if (whole % parts !== 0) throw fieldError(key, `${parts} does not divide ${whole}`);
  return whole / parts;
}
