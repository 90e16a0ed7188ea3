/** A model of a few thousand random weights and rows for it, so that proofs need nothing else. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeHeader, type TensorLayout, tensorBytes } from '../../src/checkpoint/header.ts';
import { config as tokenizerConfig, tokenizerJson } from '../../test/src/tokenizer/tiny.ts';
import { random } from './proof.ts';

const [HIDDEN, INNER, HEADS, KV, LAYERS, VOCABULARY] = [24, 40, 4, 2, 2, 272];

function shapes(untied: boolean, vocabulary: number): [string, number[]][] {
  const size = HIDDEN / HEADS;
  const layer = (at: string): [string, number[]][] => [
    [`${at}input_layernorm.weight`, [HIDDEN]],
    [`${at}self_attn.q_proj.weight`, [HIDDEN, HIDDEN]],
    [`${at}self_attn.k_proj.weight`, [KV * size, HIDDEN]],
    [`${at}self_attn.v_proj.weight`, [KV * size, HIDDEN]],
    [`${at}self_attn.o_proj.weight`, [HIDDEN, HIDDEN]],
    [`${at}post_attention_layernorm.weight`, [HIDDEN]],
    [`${at}mlp.gate_proj.weight`, [INNER, HIDDEN]],
    [`${at}mlp.up_proj.weight`, [INNER, HIDDEN]],
    [`${at}mlp.down_proj.weight`, [HIDDEN, INNER]],
  ];
  return [
    ['model.embed_tokens.weight', [vocabulary, HIDDEN]],
    ...Array.from({ length: LAYERS }, (_, i) => layer(`model.layers.${i}.`)).flat(),
    ['model.norm.weight', [HIDDEN]],
    ...(untied ? [['lm_head.weight', [vocabulary, HIDDEN]] as [string, number[]]] : []),
  ];
}

/**
 * Writes the model in Hugging Face layout, stored as float32 or bfloat16; returns its folder. Text with
 * the character `spoilt` has a loss that is not a number: what is embedded for it is none.
 */
export function writeTinyModel(
  dir: string,
  dtype: 'F32' | 'BF16',
  spoilt?: string,
  vocabulary = VOCABULARY,
): string {
  mkdirSync(dir, { recursive: true });
  const json = (name: string, value: unknown) =>
    writeFileSync(join(dir, name), JSON.stringify(value));
  json('config.json', {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: HIDDEN,
    intermediate_size: INNER,
    num_hidden_layers: LAYERS,
    num_attention_heads: HEADS,
    num_key_value_heads: KV,
    vocab_size: vocabulary,
    max_position_embeddings: 128,
    hidden_act: 'silu',
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: spoilt === undefined,
    bos_token_id: 262,
    eos_token_id: 263,
  });
  json('tokenizer.json', tokenizerJson());
  json('tokenizer_config.json', tokenizerConfig);
  const tensors = shapes(spoilt !== undefined, vocabulary).map(
    ([name, shape]): TensorLayout => ({ name, dtype, shape }),
  );
  const { header, offsets } = makeHeader(tensors);
  const last = tensors.length - 1;
  const bytes = Buffer.alloc(offsets[last]! + tensorBytes(tensors[last]!));
  bytes.set(header);
  const next = random(5);
  tensors.forEach(({ name, shape }, i) => {
    const count = shape.reduce((a, b) => a * b, 1);
    for (let j = 0; j < count; j++) {
      const token = Math.floor(j / HIDDEN);
      const isSpoilt = name.includes('embed') && token === spoilt?.charCodeAt(0);
      const centre = isSpoilt ? Number.NaN : name.includes('norm') ? 1 : 0;
      const value = Math.fround(centre + 0.2 * (2 * next() - 1));
      if (dtype === 'F32') bytes.writeFloatLE(value, offsets[i]! + 4 * j);
      else {
        const float = Buffer.alloc(4);
        float.writeFloatLE(value);
        float.copy(bytes, offsets[i]! + 2 * j, 2, 4);
      }
    }
  });
  writeFileSync(join(dir, 'model.safetensors'), bytes);
  return dir;
}

const WORDS = 'once upon a time there was a little girl who had a red ball and a big dog'.split(
  ' ',
);

/** Writes rows of plain text, each with words and a length of its own. */
export function writeRows(path: string, count: number): string {
  const row = (i: number) =>
    WORDS.slice(0, 2 + ((i * 5) % 9)).map((_, j) => WORDS[(i * 7 + j * (i + 1)) % WORDS.length]);
  const rows = Array.from({ length: count }, (_, i) => JSON.stringify({ text: row(i).join(' ') }));
  writeFileSync(path, `${rows.join('\n')}\n`);
  return path;
}
