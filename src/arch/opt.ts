import type { Descriptor } from './descriptor.ts';
import * as field from './fields.ts';

/** OPT: layer norm, learned positions, biases, ReLU; the 350m layout is post-norm with projections. */
export const opt: Descriptor = {
  family: 'OPT',
  architectures: ['OPTForCausalLM'],
  modelType: 'opt',
  spec(config) {
    field.refuse(config, 'quantization_config');
    field.only(config, 'layer_norm_elementwise_affine', true);
    const hiddenSize = field.integer(config, 'hidden_size');
    const heads = field.integer(config, 'num_attention_heads');
    const bias = field.flag(config, 'enable_bias', true);
    const pre = field.flag(config, 'do_layer_norm_before', true);
    return {
      vocabularySize: field.integer(config, 'vocab_size'),
      hiddenSize,
      embeddingSize: field.integer(config, 'word_embed_proj_dim', hiddenSize),
      intermediateSize: field.integer(config, 'ffn_dim'),
      layers: field.integer(config, 'num_hidden_layers'),
      heads,
      kvHeads: heads,
      headSize: field.quotient('num_attention_heads', hiddenSize, heads),
      maxPositions: field.integer(config, 'max_position_embeddings'),
      norm: 'layer',
      normEpsilon: 1e-5,
      normPlacement: pre ? 'pre' : 'post',
      finalNorm: pre && !field.flag(config, '_remove_final_layer_norm', false),
      position: 'learned',
      positionOffset: 2,
      inverseFrequencies: new Float32Array(0),
      rotaryScale: 1,
      attentionBias: bias,
      attentionOutputBias: bias,
      mlpBias: bias,
      activation: field.activation(config, 'activation_function', 'relu'),
      gated: false,
      tiedHead: field.flag(config, 'tie_word_embeddings', true),
    };
  },
  notes: (config) => field.dropoutNotes(config, ['dropout', 'attention_dropout', 'layerdrop']),
  names: {
    embedding: 'model.decoder.embed_tokens',
    position: 'model.decoder.embed_positions',
    project_in: 'model.decoder.project_in',
    project_out: 'model.decoder.project_out',
    'layers.{i}.attention_norm': 'model.decoder.layers.{i}.self_attn_layer_norm',
    'layers.{i}.q': 'model.decoder.layers.{i}.self_attn.q_proj',
    'layers.{i}.k': 'model.decoder.layers.{i}.self_attn.k_proj',
    'layers.{i}.v': 'model.decoder.layers.{i}.self_attn.v_proj',
    'layers.{i}.o': 'model.decoder.layers.{i}.self_attn.out_proj',
    'layers.{i}.mlp_norm': 'model.decoder.layers.{i}.final_layer_norm',
    'layers.{i}.up': 'model.decoder.layers.{i}.fc1',
    'layers.{i}.down': 'model.decoder.layers.{i}.fc2',
    final_norm: 'model.decoder.final_layer_norm',
    head: 'lm_head',
  },
  ignored: [/(^|\.)decoder\.version$/],
};
