import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { escapePattern, gpt2Pattern, translatePattern } from '../../../src/tokenizer/pattern.ts';

const matches = (pattern: string, text: string): string[] => [
  ...(text.match(translatePattern(pattern)) ?? []),
];

test('white space is that of Unicode', () => {
  assert.equal(matches('\\s+', 'a\u0085b\ufeffc'), ['\u0085']);
  assert.equal(matches('[^\\s]+', 'a\u0085b\ufeffc'), ['a', 'b\ufeffc']);
  assert.equal(matches('\\S', '\u0085'), []);
});

test('caseless groups fold the long s', () => {
  assert.equal(matches("(?i:'s|'LL)", "'s 'S '\u017f 'Ll"), ["'s", "'S", "'\u017f", "'Ll"]);
});

test('digits and word characters are Unicode', () => {
  assert.equal(matches('\\d', '1\u0661'), ['1', '\u0661']);
  assert.equal(matches('\\w+', 'a\u00e9_1'), ['a\u00e9_1']);
});

test('escapes that the u flag forbids, scripts, nested classes', () => {
  assert.equal(matches("\\'\\#\\-", "'#-"), ["'#-"]);
  assert.equal(matches('\\p{Han}+', '中a文'), ['中', '文']);
  assert.equal(matches('[a[bc]]+', 'abcd'), ['abc']);
  assert.throws(() => translatePattern('[a[^b]]'), /nested class/);
  assert.throws(() => translatePattern('[a&&[b]]'), /class intersection/);
});

test('the GPT-2 pattern', () => {
  assert.equal(matches(gpt2Pattern, "I'm  12 a!\n\n b"), [
    'I',
    "'m",
    ' ',
    ' 12',
    ' a',
    '!',
    '\n\n',
    ' b',
  ]);
});

test('escapePattern matches the text itself', () => {
  const text = '<|a|>.*+?^$ {}()[]\\/-';
  assert.is(new RegExp(`^${escapePattern(text)}$`, 'u').test(text), true);
});

test.run();
