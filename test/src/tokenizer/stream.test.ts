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

test('text is held back inside a character, and words keep their spaces', () => {
  // Id 0 is a beginning; 1 and 2 are the bytes of é; others are words, the first without its space.
  const decode = (ids: Int32Array) =>
    Array.from(ids)
      .map((id, i, all) => {
        if (id === 0) return '';
        if (id === 1) return all[i + 1] === 2 ? 'é' : '\uFFFD';
        return id === 2 ? '' : ` w${id}`;
      })
      .join('')
      .replace(/^ /, '');
  const stream = new TokenStream({ decode }, {}, [0, 5]);
  assert.equal(
    [7, 1, 2, 8].map((id) => stream.push(id)),
    [' w7', '', 'é', ' w8'],
  );
  stream.push(1);
  assert.is(stream.end(), '\uFFFD');
});

test.run();
