import { fail } from './failure.ts';

const simple: Record<string, string> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
const escapes = /\\(?:([0-7]{1,3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([\s\S]))/g;

/** Text of a string literal without its quotes: Python's escapes; unknown ones stay as they are. */
export function unescapeString(source: string): string {
  if (!source.includes('\\')) return source;
  const text = source.replace(escapes, (whole, octal, two, four, eight, other) => {
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    const hex = two ?? four ?? eight;
    if (hex !== undefined) return character(Number.parseInt(hex, 16));
    if (/[xuUN]/.test(other)) fail(`the escape ${whole} in a string is not supported or broken`);
    return simple[other] ?? whole;
  });
  return text;
}

function character(point: number): string {
  const surrogate = point >= 0xd800 && point < 0xe000;
  if (point > 0x10ffff || surrogate) fail('an escape in a string is not a character');
  return String.fromCodePoint(point);
}

/** Value of an integer literal. */
export function integerValue(source: string): number {
  const value = Number(source);
  if (!Number.isSafeInteger(value)) fail(`${source} is beyond the integers that are supported`);
  return value;
}
