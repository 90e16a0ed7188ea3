import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';
import { directory } from './tiny.ts';

const bytes = Array.from(
  { length: 256 },
  (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`,
);
const words = ['<unk>', ...bytes, '▁', 'a', 'b', '▁a', 'ab', '▁ab'];
const vocab = Object.fromEntries(words.map((word, id) => [word, id]));
const idOf = (word: string): number => words.indexOf(word);

function load(changes: object): Promise<Tokenizer> {
  const json = {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    decoder: null,
    model: {
      type: 'BPE',
      vocab,
      merges: ['▁ a', 'a b', '▁a b'],
      unk_token: '<unk>',
      fuse_unk: true,
      byte_fallback: true,
    },
    ...changes,
  };
  return Tokenizer.load(directory({ 'tokenizer.json': json }));
}

const prepended = {
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'Prepend', prepend: '▁' },
      { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    ],
  },
};

test('Prepend and Replace: the mark in front stands for nothing', async () => {
  const { ids, offsets } = (await load(prepended)).encode('ab ab');
  assert.equal([...ids], [idOf('▁ab'), idOf('▁ab')]);
  assert.equal([...offsets], [0, 2, 2, 5]);
  const space = (await load(prepended)).encode('b ');
  assert.equal([...space.ids], [idOf('▁'), idOf('b'), idOf('▁')]);
  assert.equal([...space.offsets], [0, 0, 0, 1, 1, 2]);
});

test('bytes of an unknown character share its offsets', async () => {
  const { ids, offsets } = (await load(prepended)).encode('aé');
  assert.equal([...ids], [idOf('▁a'), idOf('<0xC3>'), idOf('<0xA9>')]);
  assert.equal([...offsets], [0, 1, 1, 2, 1, 2]);
});

test('unknown characters without byte fallback are fused', async () => {
  const model = { type: 'BPE', vocab, merges: [], unk_token: '<unk>', fuse_unk: true };
  const { ids, offsets } = (await load({ model })).encode('axyb');
  assert.equal([...ids], [idOf('a'), 0, idOf('b')]);
  assert.equal([...offsets], [0, 1, 1, 3, 3, 4]);
});

test('Metaspace: prepended to the first section only, cut at marks', async () => {
  const pre_tokenizer = {
    type: 'Metaspace',
    replacement: '▁',
    prepend_scheme: 'first',
    split: true,
  };
  const added_tokens = [{ id: 300, content: '<s>', special: true, normalized: false }];
  const tokenizer = await load({ pre_tokenizer, added_tokens });
  assert.equal([...tokenizer.encode('ab a').ids], [idOf('▁ab'), idOf('▁a')]);
  assert.equal([...tokenizer.encode('<s>ab').ids], [300, idOf('ab')]);
});

test.run();
