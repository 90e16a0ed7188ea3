/** Texts that are hard on a tokenizer. */
import { numbers } from '../../test/src/tokenizer/random.ts';

const block = 1 << 12;

/**
 * By name, pairs of a text of so many bytes and one twice as long. Texts whose words never come back
 * have several pairs, with more words between two readings of one than any memory of pieces holds.
 */
export function adversarial(bytes: number): Record<string, [string, string][]> {
  const random = numbers(1);
  const letters = (n: number, from: number, span: number): string => {
    const codes = Array.from({ length: n }, () => from + Math.floor(random() * span));
    return String.fromCodePoint(...codes);
  };
  const words = (size: number): string => {
    const parts: string[] = [];
    for (let length = 0; length < size; ) {
      const word = letters(3 + Math.floor(random() * 9), 97, 26);
      parts.push(word);
      length += word.length + 1;
    }
    return flat(parts.join(' '));
  };
  const repeated: Record<string, string> = {
    'one letter': 'a',
    spaces: ' ',
    'line ends': '\n',
    'spaces, then a line end': `${' '.repeat(block - 1)}\n`,
    digits: '7',
    apostrophes: "'",
    "'s": "'s",
    'letters in turn': 'ab',
    'letter, space': 'a ',
    'letter, mark': 'e\u0301',
    marks: '\u0301',
    'two marks in turn': '\u0301\u0327',
    hangul: '\ud55c',
    'hangul in parts': '\u1112\u1161\u11ab',
    han: '\u4e2d',
    emoji: '\u{1f600}',
    'joined emoji': '\u{1f468}\u200d',
    'the mark of words': '\u2581',
    'zero characters': '\0',
    'one word of letters at random': letters(block, 97, 26),
    'one word of a few letters': letters(block, 97, 3),
    'characters at random': letters(block, 0x20, 0x2f00),
    'what almost is a control token': '<|endoftext|',
    'control tokens': '<|endoftext|>',
    prose: 'The quick brown fox, it is said, jumps over the lazy dog; 1,234 times. ',
  };
  const texts: Record<string, [string, string][]> = {};
  for (const [name, unit] of Object.entries(repeated)) {
    const times = Math.ceil(bytes / Buffer.byteLength(unit));
    texts[name] = [[flat(unit.repeat(times)), flat(unit.repeat(2 * times))]];
  }
  texts['new words without end'] = [1, 2, 3, 4].map(() => [words(bytes), words(2 * bytes)]);
  return texts;
}

/** Repeated strings are trees until they are read; they are to be read before time is taken. */
function flat(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}
