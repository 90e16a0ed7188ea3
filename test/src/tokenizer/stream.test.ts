import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TokenStream } from '../../../src/tokenizer/stream.ts';
import { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';
import { ids, tinyDirectory } from './tiny.ts';

test('text comes out when its characters are complete', async () => {
  const tokenizer = await Tokenizer.load(tinyDirectory());
  const stream = new TokenStream(tokenizer, { skipSpecialTokens: true });
  const parts = [...tokenizer.encode('hello 😀 é').ids, ids.eos].map((id) => stream.push(id));
  assert.is(parts.join('') + stream.end(), 'hello 😀 é');
  assert.equal(parts, ['hello', ' ', '', '', '', '😀', ' ', '', 'é', '']);
});

test('unfinished bytes come out at the end', async () => {
  const tokenizer = await Tokenizer.load(tinyDirectory());
  const stream = new TokenStream(tokenizer);
  assert.is(stream.push(0xe4), '');
  assert.is(stream.end(), '\ufffd');
});

test.run();
