import { isObject, type JsonObject } from './files.ts';

/** Fields of tokenizer.json that are read here, or have no say in how text becomes ids. */
const known: Record<string, readonly string[]> = {
  file: [
    'version',
    'truncation',
    'padding',
    'added_tokens',
    'normalizer',
    'pre_tokenizer',
    'post_processor',
    'decoder',
    'model',
  ],
  BPE: [
    'type',
    'vocab',
    'merges',
    'dropout',
    'unk_token',
    'continuing_subword_prefix',
    'end_of_word_suffix',
    'fuse_unk',
    'byte_fallback',
    'ignore_merges',
  ],
  ByteLevel: ['type', 'add_prefix_space', 'trim_offsets', 'use_regex'],
  Split: ['type', 'pattern', 'behavior', 'invert'],
  Digits: ['type', 'individual_digits'],
  Punctuation: ['type', 'behavior'],
  Metaspace: ['type', 'replacement', 'prepend_scheme', 'add_prefix_space', 'split', 'str_rep'],
};

/** Whether nothing in a tokenizer.json that could change ids is left unread. */
export function isAccounted(json: JsonObject): boolean {
  const within = (part: JsonObject, kind: string): boolean =>
    Object.keys(part).every((name) => known[kind]?.includes(name));
  const preTokenizer = (part: unknown): boolean => {
    if (!isObject(part)) return true;
    if (part.type !== 'Sequence') return within(part, String(part.type));
    return Array.isArray(part.pretokenizers) && part.pretokenizers.every(preTokenizer);
  };
  return (
    within(json, 'file') &&
    isObject(json.model) &&
    within(json.model, 'BPE') &&
    preTokenizer(json.pre_tokenizer)
  );
}
