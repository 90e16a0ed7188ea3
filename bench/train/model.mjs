// Writes a model of a known shape with random weights, in Hugging Face layout.
//
//   node bench/train/model.mjs llama-135m DIR [--dtype bfloat16|float16|float32] [--tokenizer DIR]
//   node bench/train/model.mjs opt-350m   DIR [--dtype float16]
//
// Weights are normal with standard deviation 0.02, norms 1 and biases 0, from a fixed seed. The
// tokenizer is GPT-2's, by default from ../shared/tokenizers/gpt2.

import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const END_OF_TEXT = 50256;

const SHAPES = {
  'llama-135m': {
    dtype: 'bfloat16',
    config: {
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      hidden_size: 576,
      intermediate_size: 1536,
      num_hidden_layers: 30,
      num_attention_heads: 9,
      num_key_value_heads: 3,
      head_dim: 64,
      vocab_size: 50304,
      max_position_embeddings: 2048,
      hidden_act: 'silu',
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
      attention_bias: false,
      mlp_bias: false,
      tie_word_embeddings: true,
      bos_token_id: END_OF_TEXT,
      eos_token_id: END_OF_TEXT,
    },
    tensors: llamaTensors,
  },
  'opt-350m': {
    dtype: 'float16',
    config: {
      architectures: ['OPTForCausalLM'],
      model_type: 'opt',
      hidden_size: 1024,
      word_embed_proj_dim: 512,
      ffn_dim: 4096,
      num_hidden_layers: 24,
      num_attention_heads: 16,
      vocab_size: 50272,
      max_position_embeddings: 2048,
      activation_function: 'relu',
      do_layer_norm_before: false,
      _remove_final_layer_norm: false,
      enable_bias: true,
      layer_norm_elementwise_affine: true,
      dropout: 0,
      attention_dropout: 0,
      activation_dropout: 0,
      layerdrop: 0,
      tie_word_embeddings: true,
      bos_token_id: END_OF_TEXT,
      eos_token_id: END_OF_TEXT,
      pad_token_id: END_OF_TEXT,
    },
    tensors: optTensors,
  },
};

/** Name, shape and fill of each tensor, in file order. */
function llamaTensors(config) {
  const hidden = config.hidden_size;
  const inner = config.intermediate_size;
  const keys = config.num_key_value_heads * config.head_dim;
  const tensors = [['model.embed_tokens.weight', [config.vocab_size, hidden], 'normal']];
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}.`;
    tensors.push(
      [`${at}input_layernorm.weight`, [hidden], 'one'],
      [`${at}self_attn.q_proj.weight`, [hidden, hidden], 'normal'],
      [`${at}self_attn.k_proj.weight`, [keys, hidden], 'normal'],
      [`${at}self_attn.v_proj.weight`, [keys, hidden], 'normal'],
      [`${at}self_attn.o_proj.weight`, [hidden, hidden], 'normal'],
      [`${at}post_attention_layernorm.weight`, [hidden], 'one'],
      [`${at}mlp.gate_proj.weight`, [inner, hidden], 'normal'],
      [`${at}mlp.up_proj.weight`, [inner, hidden], 'normal'],
      [`${at}mlp.down_proj.weight`, [hidden, inner], 'normal'],
    );
  }
  tensors.push(['model.norm.weight', [hidden], 'one']);
  return tensors;
}

function optTensors(config) {
  const hidden = config.hidden_size;
  const width = config.word_embed_proj_dim;
  const linear = (name, outputs, inputs) => [
    [`${name}.weight`, [outputs, inputs], 'normal'],
    [`${name}.bias`, [outputs], 'zero'],
  ];
  const norm = (name) => [
    [`${name}.weight`, [hidden], 'one'],
    [`${name}.bias`, [hidden], 'zero'],
  ];
  const tensors = [
    ['model.decoder.embed_tokens.weight', [config.vocab_size, width], 'normal'],
    [
      'model.decoder.embed_positions.weight',
      [config.max_position_embeddings + 2, hidden],
      'normal',
    ],
    ['model.decoder.project_in.weight', [hidden, width], 'normal'],
    ['model.decoder.project_out.weight', [width, hidden], 'normal'],
  ];
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.decoder.layers.${layer}.`;
    for (const name of ['q_proj', 'k_proj', 'v_proj', 'out_proj']) {
      tensors.push(...linear(`${at}self_attn.${name}`, hidden, hidden));
    }
    tensors.push(...norm(`${at}self_attn_layer_norm`));
    tensors.push(...linear(`${at}fc1`, config.ffn_dim, hidden));
    tensors.push(...linear(`${at}fc2`, hidden, config.ffn_dim));
    tensors.push(...norm(`${at}final_layer_norm`));
  }
  return tensors;
}

/** Standard normal numbers: mulberry32 and Box-Muller. */
function normals(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 4294967296;
  };
  let spare = null;
  return () => {
    if (spare !== null) {
      const value = spare;
      spare = null;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

function toBfloat16(bits) {
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** For the values written here: |x| < 65504 and no NaN. */
function toFloat16(bits) {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  const mantissa = bits & 0x7fffff;
  if (exponent <= -11) return sign;
  const shift = exponent <= 0 ? 14 - exponent : 13;
  const whole = exponent <= 0 ? mantissa | 0x800000 : mantissa | (exponent << 23);
  const kept = whole >>> shift;
  const rest = whole & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (kept + (rest > half || (rest === half && kept & 1) ? 1 : 0));
}

const CONVERT = { bfloat16: toBfloat16, float16: toFloat16 };
const CODES = { bfloat16: 'BF16', float16: 'F16', float32: 'F32' };

function encode(values, dtype) {
  if (dtype === 'float32') return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  const convert = CONVERT[dtype];
  for (let i = 0; i < out.length; i++) out[i] = convert(bits[i]);
  return Buffer.from(out.buffer);
}

function writeWeights(path, tensors, dtype, seed) {
  const size = dtype === 'float32' ? 4 : 2;
  const header = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const [name, shape] of tensors) {
    const end = offset + size * shape.reduce((product, n) => product * n, 1);
    header[name] = { dtype: CODES[dtype], shape, data_offsets: [offset, end] };
    offset = end;
  }
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const normal = normals(seed);
  const file = openSync(path, 'w');
  writeSync(file, length);
  writeSync(file, json);
  for (const [, shape, fill] of tensors) {
    const values = new Float32Array(shape.reduce((product, n) => product * n, 1));
    if (fill === 'one') values.fill(1);
    if (fill === 'normal') for (let i = 0; i < values.length; i++) values[i] = 0.02 * normal();
    const bytes = encode(values, dtype);
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
  }
  closeSync(file);
  return offset / size;
}

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      dtype: { type: 'string' },
      tokenizer: { type: 'string', default: join(ROOT, '../shared/tokenizers/gpt2') },
      seed: { type: 'string', default: '1' },
    },
  });
  const [name, directory] = positionals;
  const shape = SHAPES[name];
  const dtype = values.dtype ?? shape?.dtype;
  if (!shape || !directory || !CODES[dtype]) {
    console.error(`usage: model.mjs ${Object.keys(SHAPES).join('|')} DIR [--dtype D]`);
    process.exit(2);
  }
  mkdirSync(directory, { recursive: true });
  const json = (file, value) =>
    writeFileSync(join(directory, file), `${JSON.stringify(value, null, 2)}\n`);
  json('config.json', { ...shape.config, torch_dtype: dtype });
  json('tokenizer_config.json', {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: '<|endoftext|>',
    eos_token: '<|endoftext|>',
    unk_token: '<|endoftext|>',
    model_max_length: 1000000,
  });
  const tokenizer = readFileSync(join(values.tokenizer, 'tokenizer.json'));
  writeFileSync(join(directory, 'tokenizer.json'), tokenizer, { mode: 0o644 });
  const tensors = shape.tensors(shape.config);
  const count = writeWeights(
    join(directory, 'model.safetensors'),
    tensors,
    dtype,
    Number(values.seed),
  );
  console.log(`${directory}: ${name}, ${count.toLocaleString('en')} parameters, ${dtype}`);
}

main();
