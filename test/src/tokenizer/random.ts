/** Patterns of public tokenizers that leave nothing of a text out. */
export const patterns: Record<string, string> = {
  gpt2: "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  cl100k:
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  qwen2:
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  o200k:
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  deepseek:
    '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
};

const parts = [
  ...'abcXYZ 0123456789 \t\n\r\'".,!?<>|()[]{}_-+=$`^~@#%&*\\/;:',
  ...'\u0085\ufeff\u00a0\u200d\u2028\u3000\u0301\u0345\u00e9\u00df\u0130\u017f\u01c5\u212a\u00b2\u2167\u0661\u2581\u0120',
  ...'中日本語한글กไทย\u0645\u0631\u064b\u05d0\u05b0\u0928\u094d\u{1f600}\u{1f468}\u200d\u{1d7d8}\u{10348}\u{e0001}\u{20000}',
  "'s",
  "'S",
  "'re",
  "'LL",
  "'ve",
  '  ',
  '   ',
  '\n\n',
  '\r\n',
  '\0',
  '\x1f',
  '\x7f',
  '<0x0A>',
  'e\u0301',
  'A\u030a',
  '\u1100\u1161\u11a8',
  '\u{1f1e9}\u{1f1ea}',
  '\u202eabc\u202c',
  'ﬁ',
  '\ufffd',
];

/** A reproducible text of a few up to some eighty parts, one in eight of any character at all. */
export function randomText(seed: number): string {
  const random = numbers(seed);
  let text = '';
  for (let i = Math.floor(random() * 80); i >= 0; i--) {
    if (random() < 0.125) {
      const code = Math.floor(random() * (random() < 0.5 ? 0x3000 : 0x20000));
      text += code >= 0xd800 && code < 0xe000 ? 'x' : String.fromCodePoint(code);
    } else text += parts[Math.floor(random() * parts.length)];
  }
  return text;
}

/** Reproducible numbers in [0, 1). */
export function numbers(seed: number): () => number {
  let state = seed + 0x6d2b79f5;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
