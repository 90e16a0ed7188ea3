/** Code points of scripts that put no spaces between words; each counts as a word. */
const unspaced =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}';
const word = new RegExp(`[${unspaced}]|[[\\p{L}\\p{M}\\p{N}]--[${unspaced}]]+`, 'gv');
const asciiWord = /[a-z0-9]+/g;
const beyondAscii = /[^\0-\x7f]/;

/**
 * The words of a text: runs of letters, marks and digits after NFKC and lower case; in scripts
 * without spaces each character. On ASCII these are the tokens of Python's rouge_score.
 */
export function words(text: string): string[] {
  const isAscii = !beyondAscii.test(text);
  const lower = (isAscii ? text : text.normalize('NFKC')).toLowerCase();
  return lower.match(isAscii ? asciiWord : word) ?? [];
}

/** A text as comparisons take it: NFKC, lower case, white space as single spaces, none at the ends. */
export function normalised(text: string): string {
  const whole = beyondAscii.test(text) ? text.normalize('NFKC') : text;
  return whole.toLowerCase().replace(/\s+/g, ' ').trim();
}

/** Mixes 32 bits into 32 bits; every input bit affects every output bit. */
export function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
  return bits ^ (bits >>> 15);
}

/** A 32-bit hash of a word. */
export function hashWord(text: string): number {
  let bits = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) bits = Math.imul(bits ^ text.charCodeAt(i), 0x01000193);
  return mix(bits);
}

/** 32-bit hashes of the words of a text, in order. */
export function hashWords(text: string): Int32Array {
  const found = words(text);
  const hashes = new Int32Array(found.length);
  for (let i = 0; i < hashes.length; i++) hashes[i] = hashWord(found[i] as string);
  return hashes;
}

/**
 * Hashes of all runs of `size` words, in order, each 32 bits; where there are fewer words, of all
 * of them. Empty where there are none.
 */
export function hashRuns(hashes: Int32Array, size: number, seed = 0): Int32Array {
  const length = Math.min(size, hashes.length);
  if (length === 0) return hashes;
  const runs = new Int32Array(hashes.length - length + 1);
  for (let start = 0; start < runs.length; start++) {
    let bits = seed + length;
    for (let i = start; i < start + length; i++) {
      bits = Math.imul((bits << 5) ^ (bits >>> 27) ^ (hashes[i] as number), 0x9e3779b1);
    }
    runs[start] = mix(bits);
  }
  return runs;
}
