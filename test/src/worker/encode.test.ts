import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { DataOptions } from '../../../src/data/options.ts';
import type { Shape } from '../../../src/data/record.ts';
import { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';
import { type EncodedRow, RowEncoder } from '../../../src/worker/encode.ts';
import { failure } from '../data/files.ts';
import { ids, tinyDirectory } from '../tokenizer/tiny.ts';
import { options } from './options.ts';

const place = { file: 'f.jsonl', line: 5 };
const tokenizer = await Tokenizer.load(tinyDirectory());
const { bos, eos, user, assistant } = ids;
const code = (character: string): number => character.charCodeAt(0);

function encode(row: unknown, shape: Shape, changes: Partial<DataOptions> = {}): EncodedRow {
  return new RowEncoder(tokenizer, options(changes)).encode(row, shape, place);
}

const text = 'text';
const completion = 'prompt and completion';

test('text, all trained', () => {
  const { ids: found, labels, truncated, dropped } = encode({ text: 'hello' }, text);
  assert.equal([...found], [259, eos]);
  assert.equal([...labels], [259, eos]);
  assert.is(truncated, false);
  assert.is(dropped, null);
});

test('prompt and completion, joined before they are tokenized', () => {
  const { ids: found, labels } = encode({ prompt: 'a-hel', completion: 'lo' }, completion);
  assert.equal([...found], [code('a'), code('-'), 259, eos]);
  assert.equal([...labels], [-100, -100, 259, eos]);
});

test('a conversation by its own template', () => {
  const messages = [
    { role: 'user', content: 'hello' },
    { role: 'assistant', content: 'a' },
  ];
  const { ids: found, labels } = encode({ messages }, 'messages');
  assert.equal([...found], [bos, user, 259, assistant, code('a'), eos]);
  assert.equal([...labels], [-100, -100, -100, -100, code('a'), eos]);
});

test('truncation: kept, and left out when nothing to train is left', () => {
  const row = { prompt: 'abc', completion: 'de' };
  const kept = encode(row, completion, { maxLength: 4 });
  assert.equal([...kept.labels], [-100, -100, -100, code('d')]);
  assert.is(kept.truncated, true);
  assert.is(kept.dropped, null);
  const left = encode(row, completion, { maxLength: 3 });
  assert.is(left.dropped, 'nothing left to train once cut to 3 tokens');
  const end = encode(row, completion, { maxLength: 3, truncationMode: 'keep_end' });
  assert.equal([...end.labels], [code('d'), code('e'), eos]);
});

test('splitting: left out only where the trained token starts every part', () => {
  const row = { input_ids: [1, 2, 3, 4, 5], labels: [-100, -100, -100, 4, -100] };
  const split = (maxLength: number): string | null =>
    encode(row, 'input_ids', { maxLength, packing: 'bfd_split' }).dropped;
  assert.is(split(2), null);
  assert.is(split(3), 'nothing left to train once split at 3 tokens');
  assert.is(encode(row, 'input_ids', { maxLength: 3, packing: 'wrapped' }).ids.length, 5);
});

test('nothing to train is an error that names the row', () => {
  const message = (row: unknown, shape: Shape): string => failure('data', () => encode(row, shape));
  assert.is(
    message({ text: '' }, text),
    'f.jsonl:5: nothing to train: a single token predicts nothing',
  );
  assert.match(message({ input_ids: [] }, 'input_ids'), /the row is empty$/);
  assert.match(
    message({ input_ids: [1, 2], labels: [1, -100] }, 'input_ids'),
    /every label but the first/,
  );
  assert.match(
    message({ messages: [{ role: 'user', content: 'a' }] }, 'messages'),
    /no completion, and no turn/,
  );
});

test('ids beyond the model are a vocabulary mismatch', () => {
  const small = { vocabularySize: 260 };
  assert.is(
    failure('tokenizer', () => encode({ text: 'a' }, text, small)),
    "f.jsonl:5: vocabulary mismatch: token 263 is beyond the model's vocabulary of 260 (the tokenizer's is 267)",
  );
  const labels = { input_ids: [1, 2], labels: [1, 300] };
  assert.match(
    failure('tokenizer', () => encode(labels, 'input_ids')),
    /token 300/,
  );
});

test('another shape than the first row', () => {
  assert.match(
    failure('data', () => encode({ text: 'a' }, 'messages')),
    /^f\.jsonl:5: this row has text/,
  );
});

test('a template given replaces the own one', () => {
  const chatTemplate = "{% for m in messages %}{{ m['content'] }}{% endfor %}";
  const messages = [
    { role: 'user', content: 'a' },
    { role: 'assistant', content: 'b' },
  ];
  const { labels } = encode({ messages }, 'messages', { chatTemplate });
  assert.equal([...labels], [-100, code('b')]);
});

test.run();
