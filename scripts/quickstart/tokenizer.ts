import { readFileSync, writeFileSync } from 'node:fs';
import { Bpe, bytes } from './bpe.ts';
import type { Row } from './instructions.ts';

const specials = ['<|pad|>', '<|begin|>', '<|end|>', '<|system|>', '<|user|>', '<|assistant|>'];
const vocabularySize = 2048;
const contextLength = 512;

const chatTemplate =
  '{{ bos_token }}' +
  '{% for message in messages %}' +
  "{{ '<|' + message['role'] + '|>' }}" +
  "{% if message['role'] == 'assistant' %}" +
  "{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}" +
  "{% else %}{{ message['content'] + eos_token }}{% endif %}" +
  '{% endfor %}' +
  "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";

const flags = {
  lstrip: false,
  normalized: false,
  rstrip: false,
  single_word: false,
  special: true,
};

function tokenizer(bpe: Bpe): unknown {
  const words = [...specials, ...bytes, ...bpe.merges.map((pair) => pair.join(''))];
  const begin = { SpecialToken: { id: '<|begin|>', type_id: 0 } };
  const first = { Sequence: { id: 'A', type_id: 0 } };
  const second = { Sequence: { id: 'B', type_id: 1 } };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.map((content, id) => ({ id, content, ...flags })),
    normalizer: null,
    pre_tokenizer: {
      type: 'ByteLevel',
      add_prefix_space: false,
      trim_offsets: true,
      use_regex: true,
    },
    post_processor: {
      type: 'TemplateProcessing',
      single: [begin, first],
      pair: [begin, first, second],
      special_tokens: {
        '<|begin|>': {
          id: '<|begin|>',
          ids: [specials.indexOf('<|begin|>')],
          tokens: ['<|begin|>'],
        },
      },
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(words.map((token, id) => [token, id])),
      merges: bpe.merges.map((pair) => pair.join(' ')),
    },
  };
}

const names = {
  bos_token: '<|begin|>',
  eos_token: '<|end|>',
  pad_token: '<|pad|>',
};

const config = {
  add_bos_token: true,
  add_eos_token: false,
  added_tokens_decoder: Object.fromEntries(
    specials.map((content, id) => [String(id), { content, ...flags }]),
  ),
  additional_special_tokens: specials.slice(3),
  bos_token: names.bos_token,
  chat_template: chatTemplate,
  clean_up_tokenization_spaces: false,
  eos_token: names.eos_token,
  model_max_length: contextLength,
  pad_token: names.pad_token,
  tokenizer_class: 'PreTrainedTokenizerFast',
};

function lines<T>(path: string): T[] {
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

function save(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

const [corpusPath, trainPath, folder] = process.argv.slice(2);
if (!corpusPath || !trainPath || !folder) {
  throw new Error('usage: tokenizer.ts <corpus.jsonl> <train.jsonl> <folder>');
}
const texts = [
  ...lines<{ text: string }>(corpusPath).map((row) => row.text),
  ...lines<Row>(trainPath).flatMap((row) => row.messages.map((message) => message.content)),
];
const bpe = Bpe.train(texts, vocabularySize - specials.length - bytes.length);
save(`${folder}/tokenizer.json`, tokenizer(bpe));
save(`${folder}/tokenizer_config.json`, config);
save(`${folder}/special_tokens_map.json`, {
  ...names,
  additional_special_tokens: specials.slice(3),
});
