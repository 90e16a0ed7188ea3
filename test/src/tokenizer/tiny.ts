import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { byteCharacters } from '../../../src/tokenizer/bytes.ts';

/** Merges of the tiny tokenizer; each makes one more token, from id 256 on. */
export const merges = ['h e', 'l l', 'he ll', 'hell o', 'Ġ w', 'Ċ Ċ'];

/** ids of the specials, behind 256 bytes and the merges. */
export const ids = { bos: 262, eos: 263, user: 264, assistant: 265, pad: 266 };

export const chatTemplate =
  '{{ bos_token }}{% for message in messages %}' +
  "{% if message['role'] == 'assistant' %}<|assistant|>" +
  "{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}" +
  "{% else %}<|user|>{{ message['content'] }}{% endif %}{% endfor %}" +
  '{% if add_generation_prompt %}<|assistant|>{% endif %}';

const special = ['<|bos|>', '<|eos|>', '<|user|>', '<|assistant|>', '<|pad|>'];

export function vocabulary(): Record<string, number> {
  const words = [...byteCharacters, ...merges.map((merge) => merge.replace(' ', ''))];
  return Object.fromEntries(words.map((word, id) => [word, id]));
}

/** tokenizer.json of a byte-level tokenizer with 267 tokens; bytes are their own ids. */
export function tokenizerJson(): Record<string, unknown> {
  return {
    added_tokens: special.map((content, i) => ({
      id: 262 + i,
      content,
      special: true,
      normalized: false,
    })),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab: vocabulary(), merges },
  };
}

export const config = {
  bos_token: '<|bos|>',
  eos_token: '<|eos|>',
  pad_token: '<|pad|>',
  chat_template: chatTemplate,
};

/** Writes files into a new directory; objects as JSON. */
export function directory(files: Record<string, unknown>): string {
  const path = mkdtempSync(join(tmpdir(), 'attune-'));
  for (const [name, content] of Object.entries(files)) {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    writeFileSync(join(path, name), content instanceof Uint8Array ? content : text);
  }
  return path;
}

export function tinyDirectory(
  changes: Record<string, unknown> = {},
  settings: object = {},
): string {
  return directory({
    'tokenizer.json': { ...tokenizerJson(), ...changes },
    'tokenizer_config.json': { ...config, ...settings },
  });
}
