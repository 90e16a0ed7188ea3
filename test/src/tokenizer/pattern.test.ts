import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compilePattern } from '../../../src/tokenizer/pattern/automaton.ts';
import { property } from '../../../src/tokenizer/pattern/charset.ts';
import type { Step } from '../../../src/tokenizer/pattern/cut.ts';
import { split } from '../../../src/tokenizer/splitter.ts';
import { patterns, randomText } from './random.ts';
import { translatePattern } from './regexp.ts';

const piecesOf = (text: string, steps: readonly Step[]): string[] => {
  const found: string[] = [];
  split(text, steps, (piece) => found.push(piece));
  return found;
};
const pieces = (pattern: string, text: string): string[] =>
  piecesOf(text, [{ ...compilePattern(pattern), gaps: true }]);

test('white space is that of Unicode', () => {
  assert.equal(pieces('\\s+', 'a\u0085b\ufeffc'), ['a', '\u0085', 'b\ufeffc']);
  assert.equal(pieces('[^\\s]+', 'a\u0085b\ufeffc'), ['a', '\u0085', 'b\ufeffc']);
});

test('caseless groups fold the long s', () => {
  assert.equal(pieces("(?i:'s|'LL)", "'s'S'\u017f'Ll"), ["'s", "'S", "'\u017f", "'Ll"]);
});

test('digits and word characters are Unicode', () => {
  assert.equal(pieces('\\d', '1\u0661'), ['1', '\u0661']);
  assert.equal(pieces('\\w+', 'a\u00e9_1-'), ['a\u00e9_1', '-']);
});

test('escapes, scripts, nested classes, counts, lazy quantifiers', () => {
  assert.equal(pieces("\\'\\#\\-", "'#-a"), ["'#-", 'a']);
  assert.equal(pieces('\\p{Han}+', '中a文'), ['中', 'a', '文']);
  assert.equal(pieces('[a[bc]]+', 'abcd'), ['abc', 'd']);
  assert.equal(pieces('[^a[^b]]+', 'abbc'), ['a', 'bb', 'c']);
  assert.equal(pieces('a{2,3}', 'aaaaaa'), ['aaa', 'aaa']);
  assert.equal(pieces('a+?b??', 'aab'), ['a', 'a', 'b']);
  assert.equal(pieces('\\x41|\\x{1F600}|\\u0042', 'AB\u{1f600}'), ['A', 'B', '\u{1f600}']);
});

test('what one pass cannot match is refused with the reason', () => {
  const refused: Record<string, RegExp> = {
    '(?<=a)b': /the group \(\?<=/,
    '(a)\\1': /\\1/,
    'a(?=bc)': /more than one character/,
    'a++': /possessive/,
    '^a': /\^ here/,
    '[a&&[b]]': /intersection/,
    '\\p{Nope}': /Nope/,
    '(a': /without its \)/,
    'a{9999}': /count/,
    '(?:(?:a{99}){99}){99}': /too long/,
    '(?:a|b)*a(?:a|b){14}': /too many states/,
  };
  for (const [pattern, reason] of Object.entries(refused)) {
    assert.throws(() => compilePattern(pattern), reason, pattern);
  }
});

test('patterns that make others backtrack without end run in one pass', () => {
  const text = 'a'.repeat(20_000);
  assert.is(pieces('(a+)+b', `${text}b`).length, 1);
  assert.is(pieces('(?:a|aa)*b|a+', text).length, 1);
  assert.throws(() => pieces('(a+)+b|(?:a|aa)*c|a', text), /not linear/);
});

test('pieces are those of the regular expressions of JavaScript', () => {
  // Letters that this engine knows and Oniguruma does not are cut otherwise, on purpose.
  const known = property('Cn') as readonly number[];
  const isKnown = (text: string): boolean =>
    [...text].every((character) => {
      const code = character.codePointAt(0) ?? 0;
      return !known.some((edge, i) => i % 2 === 0 && code >= edge && code < (known[i + 1] ?? 0));
    });
  for (const [name, pattern] of Object.entries(patterns)) {
    const expected = translatePattern(pattern);
    const step = { ...compilePattern(pattern), gaps: true };
    for (let seed = 0; seed < 400; seed++) {
      const text = randomText(seed);
      if (!isKnown(text)) continue;
      assert.equal(
        piecesOf(text, [step]),
        withGaps(text, expected),
        `${name} ${JSON.stringify(text)}`,
      );
    }
  }
});

function withGaps(text: string, pattern: RegExp): string[] {
  const found: string[] = [];
  let done = 0;
  for (const { 0: match, index } of text.matchAll(pattern)) {
    if (done < index) found.push(text.slice(done, index));
    found.push(match);
    done = index + match.length;
  }
  return done < text.length ? [...found, text.slice(done)] : found;
}

test.run();
