import type { ModelSpec } from '../native/addon.d.ts';
import type { ModelConfig } from './descriptor.ts';
import { fieldError, integer, positive } from './fields.ts';

const f = Math.fround;

/** `rope_parameters` (transformers 5), or `rope_scaling` beside `rope_theta` (4 and before). */
function ropeSettings(config: ModelConfig): { key: string; settings: ModelConfig } {
  const key = config.rope_parameters == null ? 'rope_scaling' : 'rope_parameters';
  const value = config[key] ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw fieldError(key, `expected an object, received ${JSON.stringify(value)}`);
  }
  return { key, settings: value as ModelConfig };
}

/**
 * Rotary frequencies of a head, float32, headSize / 2 of them, scaling applied. Every operation is
 * rounded to float32 as PyTorch rounds it, because an error of one ulp here grows with the position.
 */
function inverseFrequencies(config: ModelConfig, headSize: number): Float32Array {
  const { key, settings } = ropeSettings(config);
  const theta = positive(settings.rope_theta == null ? config : settings, 'rope_theta', 10_000);
  const partial = settings.partial_rotary_factor ?? config.partial_rotary_factor ?? 1;
  if (partial !== 1) throw fieldError(key, `partial_rotary_factor ${partial} is not supported`);
  if (headSize % 2 !== 0) throw fieldError('head_dim', `${headSize} is odd; rotary needs pairs`);
  const plain = new Float32Array(headSize / 2).map((_, i) =>
    f(1 / f(f(theta) ** f((2 * i) / headSize))),
  );
  const type = settings.rope_type ?? settings.type ?? 'default';
  if (type === 'default') return plain;
  if (type === 'linear') {
    const factor = positive(settings, 'factor');
    return plain.map((frequency) => frequency / factor);
  }
  if (type === 'llama3') return llama3(plain, config, settings);
  throw fieldError(key, `type ${JSON.stringify(type)} is not supported (default, linear, llama3)`);
}

/** Low frequencies divided by `factor`, high ones kept, a smooth passage between. */
function llama3(plain: Float32Array, config: ModelConfig, settings: ModelConfig): Float32Array {
  const factor = positive(settings, 'factor');
  const low = positive(settings, 'low_freq_factor');
  const high = positive(settings, 'high_freq_factor');
  const key = 'original_max_position_embeddings';
  const original = integer(config[key] == null ? settings : config, key, maxPositions(config));
  return plain.map((frequency) => {
    const wavelength = f(f(1 / frequency) * f(2 * Math.PI));
    if (wavelength < original / high) return frequency;
    if (wavelength > original / low) return f(frequency / factor);
    const smooth = f(f(f(f(1 / wavelength) * original) - low) / f(high - low));
    const slow = f(f(f(1 - smooth) * frequency) / factor);
    return f(slow + f(smooth * frequency));
  });
}

function maxPositions(config: ModelConfig): number {
  return integer(config, 'max_position_embeddings', 2048);
}

type RotaryFields =
  | 'maxPositions'
  | 'position'
  | 'positionOffset'
  | 'inverseFrequencies'
  | 'rotaryScale';

/** The part of a spec that rotary positions fill. */
export function rotary(config: ModelConfig, headSize: number): Pick<ModelSpec, RotaryFields> {
  return {
    maxPositions: maxPositions(config),
    position: 'rotary',
    positionOffset: 0,
    inverseFrequencies: inverseFrequencies(config, headSize),
    rotaryScale: 1,
  };
}
