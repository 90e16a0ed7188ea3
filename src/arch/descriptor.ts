import type { ModelSpec } from '../native/addon.d.ts';

/** A parsed `config.json`. */
export type ModelConfig = Readonly<Record<string, unknown>>;

/** One model family, as data: the engine knows the spec alone and no family by name. */
export interface Descriptor {
  family: string;
  /** Entries of `architectures` in config.json that it answers to. */
  architectures: readonly string[];
  /** `model_type` in config.json, used where `architectures` is missing. */
  modelType: string;
  /** Switches and sizes. Throws `checkpoint` for a missing field or a setting not supported. */
  spec(config: ModelConfig): ModelSpec;
  /** Settings that are read but make no difference here, one sentence each. */
  notes(config: ModelConfig): string[];
  /** Canonical module → checkpoint module; `{i}` is the layer. `.weight` and `.bias` are appended. */
  names: Readonly<Record<string, string>>;
  /** Tensors some checkpoints carry that hold nothing to load. */
  ignored: readonly RegExp[];
}
