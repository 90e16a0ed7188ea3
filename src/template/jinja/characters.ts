/** What Python counts as white space (str.isspace); JavaScript's \s differs in seven characters. */
export const space =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

/** Characters at which Python's str.splitlines cuts. */
export const lineEnd = '\\n-\\r\\x1c-\\x1e\\x85\\u2028\\u2029';

/** Python compares strings by code point, JavaScript by UTF-16 unit: they differ above U+FFFF. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for what lies above all other units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}

/** Number of code points. */
export function countPoints(text: string): number {
  let count = text.length;
  if (!hasSurrogates(text)) return count;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >> 10 === 0x37) count--;
  return count;
}

export function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

export function hasSurrogates(text: string): boolean {
  return /[\ud800-\udfff]/.test(text);
}

/** UTF-16 offset of code point `index`, which may be the length. */
export function pointOffset(text: string, index: number): number {
  if (!hasSurrogates(text)) return index;
  let offset = 0;
  for (let i = 0; i < index; i++) offset += text.charCodeAt(offset) >> 10 === 0x36 ? 2 : 1;
  return offset;
}

const spaceCharacter = new RegExp(`^[${space}]$`);

export function isSpace(character: string): boolean {
  return spaceCharacter.test(character);
}

/** [start, end) of `text` without the characters at its ends for which `drops` holds; linear. */
export function trimmed(
  text: string,
  { left = true, right = true, drops = isSpace }: Trim = {},
): [number, number] {
  let start = 0;
  let end = text.length;
  while (left && start < end) {
    const character = String.fromCodePoint(text.codePointAt(start) as number);
    if (!drops(character)) break;
    start += character.length;
  }
  while (right && end > start) {
    const low = text.charCodeAt(end - 1) >> 10 === 0x37 && end - 2 >= start;
    const character = text.slice(low ? end - 2 : end - 1, end);
    if (!drops(character)) break;
    end -= character.length;
  }
  return [start, end];
}

export interface Trim {
  left?: boolean;
  right?: boolean;
  drops?: (character: string) => boolean;
}
