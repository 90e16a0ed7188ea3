/** Merging against the definition of byte-pair encoding, written down without regard to time. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Merger, Word } from '../../../src/tokenizer/merger.ts';
import { numbers } from './random.ts';

const letters = ['a', 'b', 'c'];

/** Random merges of what there is, in any order: what one makes may be merged earlier. */
function randomMerges(random: () => number): { merges: string[]; vocabulary: Map<string, number> } {
  const tokens = [...letters];
  const merges: string[] = [];
  const pick = (): string => tokens[Math.floor(random() * tokens.length)] as string;
  while (merges.length < 12) {
    const [left, right] = [pick(), pick()];
    merges.splice(Math.floor(random() * (merges.length + 1)), 0, `${left} ${right}`);
    if (!tokens.includes(left + right) && left.length + right.length < 20)
      tokens.push(left + right);
  }
  const made = merges.map((merge) => merge.replace(' ', ''));
  const all = [...new Set([...tokens, ...made])];
  return { merges, vocabulary: new Map(all.map((token, id) => [token, id])) };
}

function defined(text: string, merges: readonly string[]): string[] {
  const ranks = new Map(merges.map((merge, rank) => [merge, rank]));
  const word = [...text];
  for (;;) {
    let [best, lowest] = [-1, Number.POSITIVE_INFINITY];
    for (let i = 0; i + 1 < word.length; i++) {
      const rank = ranks.get(`${word[i]} ${word[i + 1]}`) ?? Number.POSITIVE_INFINITY;
      if (rank < lowest) [best, lowest] = [i, rank];
    }
    if (best < 0) return word;
    word.splice(best, 2, `${word[best]}${word[best + 1]}`);
  }
}

test('equals the definition, in one or in windows', () => {
  const random = numbers(4);
  for (let round = 0; round < 60; round++) {
    const { merges, vocabulary } = randomMerges(random);
    const names = [...vocabulary.keys()];
    for (const length of [0, 1, 2, 24, 25, 60, 300]) {
      const kinds = 1 + Math.floor(random() * 4);
      const pick = (i: number): string =>
        'abcz'[kinds === 4 ? i % 2 : Math.floor(random() * kinds)] ?? 'z';
      const text = Array.from({ length }, (_, i) => (random() < 0.02 ? 'z' : pick(i))).join('');
      const expected = defined(text, merges);
      for (const window of [2, 7, 30, 100, 1000]) {
        const word = new Word();
        for (const letter of text) word.push(vocabulary.get(letter) ?? -1, 1);
        new Merger(merges, vocabulary, window).merge(word);
        const found = Array.from(
          { length: word.length },
          (_, i) => names[word.ids[i] ?? -1] ?? 'z',
        );
        assert.equal(found, expected, `${text} ${merges} ${window}`);
        const sizes = expected.map((token) => token.length);
        assert.equal([...word.sizes.subarray(0, word.length)], sizes);
      }
    }
  }
});

test('merges that are none', () => {
  const vocabulary = new Map(letters.map((letter, id) => [letter, id]));
  for (const [merge, why] of [
    ['ab', /merge 0, "ab": not two tokens/],
    ['a z', /"z" is not in the vocabulary/],
    ['a b', /the two together are not in the vocabulary/],
  ] as const) {
    assert.throws(() => new Merger([merge], vocabulary), why);
  }
});

test.run();
