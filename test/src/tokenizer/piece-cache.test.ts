import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PieceCache } from '../../../src/tokenizer/piece-cache.ts';
import { TokenList } from '../../../src/tokenizer/tokens.ts';
import { vocabulary } from './tiny.ts';

const ids = new Map(Object.entries(vocabulary()));
const spell = (word: string): string[] => [...word];

test('a small cache forgets and still answers the same', () => {
  let merged = 0;
  const merge = (word: string): string[] => {
    merged++;
    return spell(word);
  };
  const cache = new PieceCache(merge, ids, 2);
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
    new PieceCache(spell, ids).encode(piece, at, fresh);
    at += piece.length;
  }
  assert.equal(cached.take(), fresh.take());
  assert.ok(merged < pieces.length, `${merged} merged`);
});

test('tokens that do not cover the piece are an error', () => {
  const cache = new PieceCache(() => ['a'], ids);
  assert.throws(() => cache.encode('ab', 0, new TokenList()), /do not cover "ab"/);
});

test.run();
