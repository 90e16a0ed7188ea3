import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { byteCharacters } from '../../../src/tokenizer/bytes.ts';
import { type MergeBytes, PieceCache } from '../../../src/tokenizer/piece-cache.ts';
import { TokenList } from '../../../src/tokenizer/tokens.ts';
import { vocabulary } from './tiny.ts';

const ids = vocabulary();
const spell: MergeBytes = (bytes, word) => {
  for (const byte of bytes) word.push(ids[byteCharacters[byte] as string] as number, 1);
};

test('a small cache forgets and still answers the same', () => {
  let merged = 0;
  const merge: MergeBytes = (bytes, word) => {
    merged++;
    spell(bytes, word);
  };
  const cache = new PieceCache(merge, 2);
  const pieces = [
    'ab',
    'ab',
    'ab',
    'c',
    'é',
    'ab',
    'c',
    'é',
    '😀',
    'x'.repeat(100),
    'x'.repeat(100),
  ];
  const [cached, fresh] = [new TokenList(), new TokenList()];
  let at = 0;
  for (const piece of pieces) {
    cache.encode(piece, at, cached);
    new PieceCache(spell).encode(piece, at, fresh);
    at += piece.length;
  }
  assert.equal(cached.take(), fresh.take());
  assert.ok(merged < pieces.length, `${merged} merged`);
});

test('a byte without a token is an error', () => {
  const cache = new PieceCache((bytes, word) => word.push(-1, bytes.length));
  assert.throws(() => cache.encode('ab', 0, new TokenList()), /no token for "ab"/);
});

test.run();
