import { AttuneError } from '../../src/errors.ts';
import { parseTokenizer } from '../../src/tokenizer/files.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { rule, type Target } from '../target.ts';

// The tables of the native encoder cover all code points: one tokenizer an input would cost a
// millisecond. It has targets of its own (fuzz/native), where the tables are small.
process.env.ATTUNE_TOKENIZER = 'js';

const letters = ['a', 'b', 'c', 'Ġ', '!', 'ab', 'abc', 'Ġa'];
const byteLevel = {
  added_tokens: [{ id: 8, content: '<|end|>', special: true, normalized: false }],
  normalizer: { type: 'NFC' },
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      {
        type: 'Split',
        pattern: { Regex: '\\s+|\\w+|[^\\s\\w]' },
        behavior: 'Isolated',
        invert: false,
      },
      { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
    ],
  },
  post_processor: null,
  decoder: { type: 'ByteLevel' },
  model: {
    type: 'BPE',
    vocab: Object.fromEntries(letters.map((letter, id) => [letter, id])),
    merges: ['a b', 'ab c', 'Ġ a'],
  },
};
const sentencePiece = {
  added_tokens: [{ id: 0, content: '<unk>', special: true, normalized: false }],
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'Prepend', prepend: '▁' },
      { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    ],
  },
  pre_tokenizer: null,
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [],
    special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
  },
  decoder: {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 1, stop: 0 },
    ],
  },
  model: {
    type: 'BPE',
    unk_token: '<unk>',
    fuse_unk: true,
    byte_fallback: true,
    vocab: { '<unk>': 0, '<s>': 1, '▁': 2, a: 3, b: 4, '▁a': 5, '<0xC3>': 6, '<0xA9>': 7 },
    merges: [['▁', 'a']],
  },
};

/** tokenizer.json, and what the tokenizer that it describes makes of a text. */
export const target: Target = {
  name: 'tokenizer',
  seeds: [JSON.stringify(byteLevel), JSON.stringify(sentencePiece)],
  words: [
    'BPE', 'WordPiece', 'Split', 'ByteLevel', 'Metaspace', 'Regex', 'String', '(a+)+$', '(?:a|a)*b',
    '\\p{L}+', '[^\\s]+|\\s+(?!\\S)', 'Isolated', 'Removed', 'NFKC', 'Lowercase', 'Replace', 'a', 'ab',
    'Sequence', 'pretokenizers', 'normalizers', 'add_prefix_space', 'prepend_scheme', 'always',
  ], // biome-ignore format: a table
  json: true,
  async run(input) {
    const files = parseTokenizer('fuzz', Buffer.from(input).toString());
    const tokenizer = await Tokenizer.of(files);
    const text = 'abc a!b é aaaaaaaaaaaaaaaaaaaaaaaaaa <|end|>';
    const { ids, offsets } = tokenizer.encode(text);
    rule(offsets.length === 2 * ids.length, 'offsets of another length');
    for (const offset of offsets) rule(offset >= 0 && offset <= text.length, `offset ${offset}`);
    tokenizer.decode(ids);
    return `${Math.min(9, ids.length)} tokens`;
  },
  refuses: (error) => error instanceof AttuneError && error.code === 'tokenizer',
};
