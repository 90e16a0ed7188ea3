import type { Descriptor } from './descriptor.ts';
import * as field from './fields.ts';
import { rotary } from './rope.ts';

/** Llama 1 to 3.x: RMS norm, rotary positions, grouped-query attention, gated SiLU. */
export const llama: Descriptor = {
  family: 'Llama',
  architectures: ['LlamaForCausalLM'],
  modelType: 'llama',
  spec(config) {
    field.refuse(config, 'sliding_window', 'quantization_config');
    const hiddenSize = field.integer(config, 'hidden_size');
    const heads = field.integer(config, 'num_attention_heads');
    const kvHeads = field.integer(config, 'num_key_value_heads', heads);
    field.quotient('num_key_value_heads', heads, kvHeads);
    const headSize = config.head_dim
      ? field.integer(config, 'head_dim')
      : field.quotient('num_attention_heads', hiddenSize, heads);
    const bias = field.flag(config, 'attention_bias', false);
    return {
      vocabularySize: field.integer(config, 'vocab_size'),
      hiddenSize,
      embeddingSize: hiddenSize,
      intermediateSize: field.integer(config, 'intermediate_size'),
      layers: field.integer(config, 'num_hidden_layers'),
      heads,
      kvHeads,
      headSize,
      norm: 'rms',
      normEpsilon: field.positive(config, 'rms_norm_eps', 1e-6),
      normPlacement: 'pre',
      finalNorm: true,
      ...rotary(config, headSize),
      attentionBias: bias,
      attentionOutputBias: bias,
      mlpBias: field.flag(config, 'mlp_bias', false),
      activation: field.activation(config, 'hidden_act', 'silu'),
      gated: true,
      tiedHead: field.flag(config, 'tie_word_embeddings', false),
    };
  },
  notes: (config) => field.dropoutNotes(config, ['attention_dropout']),
  names: {
    embedding: 'model.embed_tokens',
    'layers.{i}.attention_norm': 'model.layers.{i}.input_layernorm',
    'layers.{i}.q': 'model.layers.{i}.self_attn.q_proj',
    'layers.{i}.k': 'model.layers.{i}.self_attn.k_proj',
    'layers.{i}.v': 'model.layers.{i}.self_attn.v_proj',
    'layers.{i}.o': 'model.layers.{i}.self_attn.o_proj',
    'layers.{i}.mlp_norm': 'model.layers.{i}.post_attention_layernorm',
    'layers.{i}.gate': 'model.layers.{i}.mlp.gate_proj',
    'layers.{i}.up': 'model.layers.{i}.mlp.up_proj',
    'layers.{i}.down': 'model.layers.{i}.mlp.down_proj',
    final_norm: 'model.norm',
    head: 'lm_head',
  },
  ignored: [/\.rotary_emb\.inv_freq$/],
};
