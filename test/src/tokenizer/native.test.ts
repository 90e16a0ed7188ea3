/** The native path and the JavaScript one: the same ids and offsets for any text. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadAddon } from '../../../src/native/binding.ts';
import { byteCharacters } from '../../../src/tokenizer/bytes.ts';
import { loadPath } from './paths.ts';
import { numbers, patterns, randomText } from './random.ts';
import { shared, sharedTest } from './shared.ts';
import { directory, tokenizerJson } from './tiny.ts';

async function compare(folder: string, seeds: number): Promise<void> {
  const [native, javascript] = [await loadPath(folder, 'native'), await loadPath(folder, 'js')];
  for (let seed = 0; seed < seeds; seed++) {
    const text = randomText(seed);
    const plain = { isPlain: (start: number) => start % 7 < 3 };
    for (const options of [{}, plain]) {
      const [one, other] = [native.encode(text, options), javascript.encode(text, options)];
      assert.equal([...one.ids], [...other.ids], `${folder} ${JSON.stringify(text)}`);
      assert.equal([...one.offsets], [...other.offsets], `${folder} ${JSON.stringify(text)}`);
    }
  }
}

/** A vocabulary of `characters` and `count` random merges of what is there; many merges overlap. */
function randomModel(characters: readonly string[], count: number): Record<string, unknown> {
  const random = numbers(count);
  const tokens = [...characters];
  const common = characters.filter((each) => /[a-e0-1 ĠĊĊ▁'.]/.test(each));
  const merges: string[] = [];
  const known = new Set(tokens);
  while (merges.length < count) {
    const pool = random() < 0.5 ? common : tokens;
    const pick = (): string => pool[Math.floor(random() * pool.length)] as string;
    const [left, right] = [pick(), pick()];
    merges.push(`${left} ${right}`);
    if (known.has(left + right)) continue;
    known.add(left + right);
    tokens.push(left + right);
    if (left.length + right.length < 6) common.push(left + right);
  }
  return { type: 'BPE', vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges };
}

const split = (pattern: string): object => ({
  type: 'Sequence',
  pretokenizers: [
    { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
    { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
  ],
});
const added = (content: string, id: number, flags = {}): object => ({
  id,
  content,
  special: true,
  normalized: false,
  ...flags,
});
const bytePreTokenizers: Record<string, object> = {
  ...Object.fromEntries(Object.entries(patterns).map(([name, each]) => [name, split(each)])),
  prefixed: { type: 'ByteLevel', add_prefix_space: true, use_regex: true },
  digits: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Digits', individual_digits: true },
      { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
    ],
  },
};

for (const [name, pre_tokenizer] of Object.entries(bytePreTokenizers)) {
  test(`byte-level, ${name}`, async () => {
    for (const [seeds, changes] of [
      [150, {}],
      [60, { normalizer: { type: 'NFC' } }],
    ] as const) {
      const model = randomModel(byteCharacters, 900);
      model.ignore_merges = name.length % 2 === 0;
      const added_tokens = [added("'s", 5000), added('  ', 5001, { normalized: true })];
      const json = { ...tokenizerJson(), pre_tokenizer, model, added_tokens, ...changes };
      await compare(directory({ 'tokenizer.json': json }), seeds);
    }
  });
}

const bytes = Array.from(
  { length: 256 },
  (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`,
);
const marks = {
  type: 'Sequence',
  normalizers: [
    { type: 'Prepend', prepend: '▁' },
    { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
  ],
};
const wordTokenizers: Record<string, object> = {
  'prepend and replace': { normalizer: marks, pre_tokenizer: null },
  'prepend and replace, added tokens in normalized text': {
    normalizer: marks,
    pre_tokenizer: null,
    added_tokens: [added("'s", 5000, { normalized: true })],
  },
  replace: {
    normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    pre_tokenizer: {
      type: 'Split',
      pattern: { String: ' ' },
      behavior: 'MergedWithPrevious',
      invert: false,
    },
  },
  ...Object.fromEntries(
    ['always', 'first', 'never'].flatMap((prepend_scheme) =>
      [true, false].map((cut) => [
        `metaspace ${prepend_scheme} ${cut}`,
        { pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme, split: cut } },
      ]),
    ),
  ),
};

for (const [name, changes] of Object.entries(wordTokenizers)) {
  test(`words, ${name}`, async () => {
    for (const fallback of [true, false]) {
      for (const across of [true, false]) {
        const letters = [...'▁abcdeXYZ0123.,\'"\n\t\u00e9中한\u{1f600}'];
        const model = randomModel(letters, 400);
        // Without merges that reach across the beginning of a word, words are merged one by one.
        if (!across)
          model.merges = (model.merges as string[]).filter((each) => !/[^▁ ].*▁/.test(each));
        const vocab = model.vocab as Record<string, number>;
        for (const token of ['<unk>', ...(fallback ? bytes : [])])
          vocab[token] = Object.keys(vocab).length;
        Object.assign(model, { unk_token: '<unk>', fuse_unk: !across, byte_fallback: fallback });
        const json = { added_tokens: [added('<s>', 4000)], model, decoder: null, ...changes };
        await compare(directory({ 'tokenizer.json': json }), 60);
      }
    }
  });
}

test('tokens are written into Int32Arrays alone', () => {
  const { TextEncoder } = loadAddon();
  const encoder = new TextEncoder({
    byteLevel: true,
    steps: [],
    tokens: { text: 'ab', lengths: Int32Array.of(1, 1) },
    ids: Int32Array.of(0, 1),
    merges: { text: '', lengths: Int32Array.of() },
    ignoreMerges: false,
    mark: ' ',
    cutAtMarks: false,
    byteFallback: false,
    unknown: -1,
    fuseUnknown: false,
  });
  const ids = new Int32Array(4);
  assert.is(encoder.encode('abba', false, 0, ids, new Int32Array(8), 0), 4);
  assert.equal([...ids], [0, 1, 1, 0]);
  // One of bytes has as many elements and a quarter of the room.
  const bytes = new Uint8Array(8) as unknown as Int32Array;
  assert.throws(() => encoder.encode('abba', false, 0, bytes, new Int32Array(8), 0), /Int32Arrays/);
  assert.throws(() => encoder.take(ids, bytes, 0), /Int32Arrays/);
});

const folders = [
  'tokenizers/gpt2',
  'tokenizers/gpt-neox',
  'tokenizers/qwen2',
  'models/stories260K',
];
for (const folder of folders.map((each) => shared(each))) {
  sharedTest(folder, [folder], () => compare(folder, 120));
}

test.run();
