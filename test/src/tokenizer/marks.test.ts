/** Rows of marks against the engine's own NFC, which is slow for long ones. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { normalizeNfc } from '../../../src/tokenizer/marks.ts';
import { numbers } from './random.ts';

const all = Array.from({ length: 0x110000 }, (_, code) => code)
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code))
  .filter((character) => /\p{M}/u.test(character));

test('rows of any marks', () => {
  const random = numbers(1);
  const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)] ?? '';
  for (let round = 0; round < 300; round++) {
    const few = Array.from({ length: 1 + Math.floor(random() * 6) }, () => pick(all));
    let text = '';
    for (let i = 0; i < 200; i++) {
      text += random() < 0.01 ? pick(['e', 'é', '한', ' ', 'ᄒ']) : pick(round % 2 ? all : few);
    }
    assert.is(normalizeNfc(text), text.normalize('NFC'));
  }
  assert.is(normalizeNfc(all.join('')), all.join('').normalize('NFC'));
});

test('half a million marks take no time', () => {
  const text = '\u0301\u0327'.repeat(250_000);
  const expected = '\u0327'.repeat(250_000) + '\u0301'.repeat(250_000);
  assert.is(normalizeNfc(text), expected);
});

test.run();
