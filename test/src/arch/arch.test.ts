import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ModelConfig } from '../../../src/arch/descriptor.ts';
import { descriptors, findDescriptor } from '../../../src/arch/index.ts';
import { llama } from '../../../src/arch/llama.ts';
import { adapterTensorName, moduleName, tensorName } from '../../../src/arch/names.ts';
import { opt } from '../../../src/arch/opt.ts';
import { linearModules, parameterShapes } from '../../../src/arch/parameters.ts';
import { rotary } from '../../../src/arch/rope.ts';
import { AttuneError } from '../../../src/errors.ts';

const small: ModelConfig = {
  vocab_size: 64,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
};
const smallOpt: ModelConfig = {
  vocab_size: 64,
  hidden_size: 32,
  ffn_dim: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  max_position_embeddings: 128,
};

function refused(call: () => unknown, message: string): void {
  assert.throws(
    call,
    (error: unknown) =>
      error instanceof AttuneError && error.code === 'checkpoint' && error.message === message,
    message,
  );
}

const golden = JSON.parse(
  readFileSync(new URL('../../golden/rotary.json', import.meta.url), 'utf8'),
);
for (const [i, { config, frequencies }] of golden.entries()) {
  test(`rotary frequencies equal PyTorch’s to the bit, case ${i}`, () => {
    const size = config.hidden_size / config.num_attention_heads;
    const { inverseFrequencies } = rotary(config, size);
    assert.equal(inverseFrequencies, Float32Array.from(frequencies));
  });
}

test('llama: sizes, defaults, and both spellings of the rotary settings', () => {
  const spec = llama.spec(small);
  assert.is(spec.headSize, 8);
  assert.is(spec.kvHeads, 2);
  assert.is(spec.normEpsilon, 1e-6);
  assert.is(spec.tiedHead, false);
  assert.is(llama.spec({ ...small, head_dim: 16 }).headSize, 16);
  const old = llama.spec({ ...small, rope_theta: 5e5 });
  const current = llama.spec({
    ...small,
    rope_parameters: { rope_theta: 5e5, rope_type: 'default' },
  });
  assert.equal(old.inverseFrequencies, current.inverseFrequencies);
});

test('opt: pre-norm, and the 350m layout', () => {
  const spec = opt.spec(smallOpt);
  assert.is(spec.normPlacement, 'pre');
  assert.is(spec.finalNorm, true);
  assert.is(spec.tiedHead, true);
  assert.is(spec.positionOffset, 2);
  assert.is(opt.spec({ ...smallOpt, _remove_final_layer_norm: true }).finalNorm, false);
  const large = opt.spec({ ...smallOpt, do_layer_norm_before: false, word_embed_proj_dim: 16 });
  assert.is(large.normPlacement, 'post');
  assert.is(large.finalNorm, false);
  assert.equal(parameterShapes(large).get('project_in.weight'), [32, 16]);
  assert.equal(parameterShapes(large).get('project_out.weight'), [16, 32]);
  assert.equal(parameterShapes(large).get('embedding'), [64, 16]);
  assert.equal(parameterShapes(large).get('position'), [130, 32]);
});

test('all-linear is every linear module but the head', () => {
  assert.is(linearModules(llama.spec(small)).length, 14);
  const names = linearModules(opt.spec({ ...smallOpt, word_embed_proj_dim: 16 })).map(
    (m) => m.name,
  );
  assert.is(names.length, 14);
  assert.is(names[0], 'project_in');
  assert.is(names.at(-1), 'project_out');
});

test('names lead from canonical parameters to the checkpoint’s', () => {
  assert.is(moduleName(llama, 'layers.3.q'), 'model.layers.3.self_attn.q_proj');
  assert.is(tensorName(llama, 'embedding'), 'model.embed_tokens.weight');
  assert.is(
    tensorName(llama, 'layers.0.mlp_norm.weight'),
    'model.layers.0.post_attention_layernorm.weight',
  );
  assert.is(tensorName(opt, 'layers.1.down.bias'), 'model.decoder.layers.1.fc2.bias');
  assert.is(tensorName(opt, 'position'), 'model.decoder.embed_positions.weight');
  assert.is(
    adapterTensorName(llama, 'layers.0.q.lora_a'),
    'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight',
  );
});

test('every parameter of every family has a name', () => {
  for (const descriptor of descriptors) {
    const spec = descriptor.spec({ ...small, ...smallOpt, tie_word_embeddings: false });
    for (const parameter of parameterShapes(spec).keys())
      assert.ok(tensorName(descriptor, parameter));
  }
});

test('an unknown architecture lists what is supported', () => {
  const supported = 'supported: LlamaForCausalLM, OPTForCausalLM';
  refused(
    () => findDescriptor({ architectures: ['MambaForCausalLM'] }),
    `config.json: architecture "MambaForCausalLM" is not supported; ${supported}`,
  );
  refused(
    () => findDescriptor({}),
    `config.json: architecture null is not supported; ${supported}`,
  );
  assert.is(findDescriptor({ model_type: 'opt' }), opt);
  assert.is(findDescriptor({ architectures: ['LlamaForCausalLM'], model_type: 'x' }), llama);
});

const settings: [ModelConfig, string][] = [
  [{ ...small, sliding_window: 4096 }, 'config.json: sliding_window: 4096 is not supported'],
  [
    { ...small, quantization_config: { bits: 4 } },
    'config.json: quantization_config: {"bits":4} is not supported',
  ],
  [
    { ...small, rope_scaling: { type: 'yarn', factor: 2 } },
    'config.json: rope_scaling: type "yarn" is not supported (default, linear, llama3)',
  ],
  [
    { ...small, rope_parameters: { rope_theta: 1, partial_rotary_factor: 0.5 } },
    'config.json: rope_parameters: partial_rotary_factor 0.5 is not supported',
  ],
  [
    { ...small, hidden_act: 'quick_gelu' },
    'config.json: hidden_act: expected one of silu, swish, relu, gelu, gelu_new, gelu_pytorch_tanh, received "quick_gelu"',
  ],
  [
    { ...small, hidden_size: '32' },
    'config.json: hidden_size: expected a positive integer below 2^31, received "32"',
  ],
  [
    { ...small, max_position_embeddings: 2 ** 53 - 1 },
    'config.json: max_position_embeddings: expected a positive integer below 2^31, received 9007199254740991',
  ],
  [
    { ...small, vocab_size: undefined },
    'config.json: vocab_size: expected a positive integer below 2^31, received nothing',
  ],
  [
    { ...small, num_attention_heads: 5, num_key_value_heads: 5 },
    'config.json: num_attention_heads: 5 does not divide 32',
  ],
  [
    { ...small, attention_bias: 'no' },
    'config.json: attention_bias: expected true or false, received "no"',
  ],
];
for (const [config, message] of settings) {
  test(`llama refuses: ${message}`, () => refused(() => llama.spec(config), message));
}

test('opt refuses norms without weights, and notes dropout', () => {
  refused(
    () => opt.spec({ ...smallOpt, layer_norm_elementwise_affine: false }),
    'config.json: layer_norm_elementwise_affine: false is not supported',
  );
  assert.equal(opt.notes({ dropout: 0.1, layerdrop: 0 }), [
    'config.json sets dropout 0.1; it is not applied while training',
  ]);
});

test.run();
