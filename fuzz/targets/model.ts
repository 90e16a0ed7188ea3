import { findDescriptor } from '../../src/arch/index.ts';
import { parameterShapes } from '../../src/arch/parameters.ts';
import { parseObject } from '../../src/checkpoint/json.ts';
import { AttuneError } from '../../src/errors.ts';
import { rule, type Target } from '../target.ts';

export const modelConfig = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 64,
  hidden_size: 16,
  intermediate_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 128,
  rms_norm_eps: 1e-5,
  hidden_act: 'silu',
  rope_theta: 10000,
  rope_scaling: {
    rope_type: 'llama3',
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 64,
  },
};

const opt = {
  architectures: ['OPTForCausalLM'],
  model_type: 'opt',
  vocab_size: 64,
  hidden_size: 16,
  word_embed_proj_dim: 8,
  ffn_dim: 32,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  max_position_embeddings: 128,
  activation_function: 'relu',
  do_layer_norm_before: false,
};

/** config.json of a model, and the shapes that follow from it. */
export const target: Target = {
  name: 'model',
  seeds: [JSON.stringify(modelConfig), JSON.stringify(opt)],
  words: [
    'LlamaForCausalLM', 'llama', 'opt', 'head_dim', 'attention_bias', 'linear', 'default', 'gelu',
    'tie_word_embeddings', 'rope_parameters', 'partial_rotary_factor', 'quantization_config',
  ], // biome-ignore format: a table
  json: true,
  run(input) {
    const config = parseObject('fuzz', Buffer.from(input).toString());
    const descriptor = findDescriptor(config);
    const spec = descriptor.spec(config);
    descriptor.notes(config);
    if (spec.layers > 1000) return 'many layers';
    const shapes = [...parameterShapes(spec)];
    for (const [name, shape] of shapes) {
      rule(
        shape.every((n) => Number.isSafeInteger(n) && n > 0),
        `${name} of shape [${shape}]`,
      );
    }
    rule(
      spec.inverseFrequencies.every((f) => Number.isFinite(f)),
      'a frequency that is not finite',
    );
    return descriptor.family;
  },
  refuses: (error) => error instanceof AttuneError && error.code === 'checkpoint',
};
