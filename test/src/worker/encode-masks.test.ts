/** Masks of tokens: boundaries inside a token, truncation, padding that is EOS, BOS and EOS twice. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { DataOptions } from '../../../src/data/options.ts';
import type { Shape } from '../../../src/data/record.ts';
import { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';
import { type EncodedRow, RowEncoder } from '../../../src/worker/encode.ts';
import { failure } from '../data/files.ts';
import { ids, tinyDirectory, tokenizerJson } from '../tokenizer/tiny.ts';
import { options } from './options.ts';

const place = { file: 'f.jsonl', line: 5 };
const tokenizer = await Tokenizer.load(tinyDirectory());
const { bos, eos, user, assistant } = ids;
const code = (character: string): number => character.charCodeAt(0);
const [a, b, c, d] = [...'abcd'].map(code) as [number, number, number, number];

function encode(
  row: unknown,
  changes: Partial<DataOptions> = {},
  { shape = 'messages' as Shape, by = tokenizer } = {},
): EncodedRow {
  return new RowEncoder(by, options(changes)).encode(row, shape, place);
}

const messages = [
  { role: 'user', content: 'a' },
  { role: 'assistant', content: 'b' },
  { role: 'user', content: 'c' },
  { role: 'assistant', content: 'dd' },
];

test('a conversation, token by token', () => {
  const row = encode({ messages });
  assert.equal([...row.ids], [bos, user, a, assistant, b, eos, user, c, assistant, d, d, eos]);
  assert.equal([...row.labels], [-100, -100, -100, -100, b, eos, -100, -100, -100, d, d, eos]);
});

test('truncation at every position, from either end', () => {
  const whole = encode({ messages });
  const labels = [-100, -100, -100, -100, b, eos, -100, -100, -100, d, d, eos];
  for (let maxLength = 2; maxLength <= labels.length; maxLength++) {
    const start = encode({ messages }, { maxLength });
    assert.equal([...start.ids], [...whole.ids].slice(0, maxLength));
    assert.equal([...start.labels], labels.slice(0, maxLength));
    assert.is(start.truncated, maxLength < 12);
    // Trained from token 4 on: with fewer tokens than five, nothing is.
    assert.is(start.dropped === null, maxLength >= 5, `keep_start ${maxLength}`);
    const end = encode({ messages }, { maxLength, truncationMode: 'keep_end' });
    assert.equal([...end.ids], [...whole.ids].slice(12 - maxLength));
    assert.equal([...end.labels], labels.slice(12 - maxLength));
    assert.is(end.dropped, null, `keep_end ${maxLength}`);
  }
});

test('padding that is EOS takes nothing from the mask', async () => {
  const by = await Tokenizer.load(tinyDirectory({}, { pad_token: '<|eos|>' }));
  assert.is(by.padId, by.eosId);
  assert.equal([...encode({ messages }, {}, { by }).labels], [...encode({ messages }).labels]);
});

test('a token that straddles a boundary is trained', () => {
  const chatTemplate =
    "{% for m in messages %}{% if m.role == 'assistant' %}he{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}";
  const row = {
    messages: [
      { role: 'user', content: 'a-' },
      { role: 'assistant', content: 'llo' },
    ],
  };
  // "hello" is one token, 259: its second half is the assistant's.
  assert.equal([...encode(row, { chatTemplate }).ids], [a, code('-'), 259]);
  assert.equal([...encode(row, { chatTemplate }).labels], [-100, -100, 259]);
});

test('a mask that ends inside a token takes the whole token', () => {
  const chatTemplate =
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}lo{% else %}{{ m.content }}{% endif %}{% endfor %}";
  const row = {
    messages: [
      { role: 'user', content: 'a-' },
      { role: 'assistant', content: 'hel' },
    ],
  };
  assert.equal([...encode(row, { chatTemplate }).labels], [-100, -100, 259]);
});

test('the parts of one character are trained together', () => {
  const row = {
    messages: [
      { role: 'user', content: 'é' },
      { role: 'assistant', content: '😀' },
    ],
  };
  const { ids: found, labels } = encode(row);
  assert.is(found.length, 2 + 2 + 1 + 4 + 1);
  assert.equal(
    [...labels].map((label) => label !== -100),
    [false, false, false, false, false, true, true, true, true, true],
  );
});

/** Puts BOS in front and EOS behind, as some tokenizers do. */
const surrounding = {
  post_processor: {
    type: 'TemplateProcessing',
    single: [
      { SpecialToken: { id: '<|bos|>', type_id: 0 } },
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: '<|eos|>', type_id: 0 } },
    ],
    pair: [],
    special_tokens: {
      '<|bos|>': { id: '<|bos|>', ids: [bos], tokens: ['<|bos|>'] },
      '<|eos|>': { id: '<|eos|>', ids: [eos], tokens: ['<|eos|>'] },
    },
  },
};

test('BOS and EOS stand once, whether the text or the tokenizer brings them', async () => {
  const by = await Tokenizer.load(tinyDirectory({ ...tokenizerJson(), ...surrounding }));
  const text = (value: string): EncodedRow => encode({ text: value }, {}, { shape: 'text', by });
  assert.equal([...text('a').ids], [bos, a, eos]);
  assert.equal([...text('<|bos|>a').ids], [bos, a, eos]);
  assert.equal([...text('<|bos|>a<|eos|>').ids], [bos, a, eos]);
  assert.equal([...text('<|bos|>a<|eos|>').labels], [bos, a, eos]);
  // What the text itself writes twice stays: it is what the row says.
  assert.equal([...text('<|bos|><|bos|>a').ids], [bos, bos, a, eos]);
  const pair = encode({ prompt: 'a', completion: 'b' }, {}, { shape: 'prompt and completion', by });
  assert.equal([...pair.ids], [bos, a, b, eos]);
  assert.equal([...pair.labels], [-100, -100, b, eos]);
  // A chat template brings its own; the tokenizer adds nothing.
  assert.equal([...encode({ messages }, {}, { by }).ids], [...encode({ messages }).ids]);
});

test('a template that writes BOS twice is an error', () => {
  const chatTemplate = `{{ bos_token }}{{ bos_token }}{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}`;
  const row = { messages: [{ role: 'assistant', content: 'a' }] };
  assert.match(
    failure('template', () => encode(row, { chatTemplate })),
    /^f\.jsonl:5: the chat template writes <\|bos\|> twice/,
  );
});

test('flags of turns, roles and the ends of turns reach the tokens', () => {
  const trainedBy = (changes: Partial<DataOptions>, flag: object = {}): number[] => {
    const rows = messages.map((message, i) => (i === 1 ? { ...message, ...flag } : message));
    return [...encode({ messages: rows }, changes).labels].filter((label) => label !== -100);
  };
  assert.equal(trainedBy({}), [b, eos, d, d, eos]);
  assert.equal(trainedBy({ maskHistory: true }), [d, d, eos]);
  assert.equal(trainedBy({}, { train: false }), [d, d, eos]);
  assert.equal(trainedBy({}, { weight: 0 }), [d, d, eos]);
  assert.equal(trainedBy({ trainOnEos: 'none' }), [b, d, d]);
  assert.equal(trainedBy({ trainOnEos: 'last' }), [b, d, d, eos]);
  assert.equal(trainedBy({ trainOnEos: 'all' }), [b, eos, d, d, eos]);
  assert.equal(trainedBy({ rolesToTrain: ['user', 'assistant'] }), [a, b, eos, c, d, d, eos]);
  assert.match(
    failure('data', () => trainedBy({ rolesToTrain: ['tool'] })),
    /nothing to train: .* no turn that is trained/,
  );
});

test.run();
