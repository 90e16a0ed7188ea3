import { hashRuns, hashWords, mix } from './words.ts';

/** Numbers of a vector. */
export const dimensions = 256;

/** Counters of texts: words that meet in one are taken for equally rare. */
const counters = 1 << 20;

/**
 * Vectors of unit length [256]: words and pairs of words, hashed with a sign (Weinberger et al.
 * 2009), weighted by the logarithm of how often a text has them and of how few texts do (tf-idf).
 * First all texts are counted, then each becomes a vector; one without words is zero.
 */
export class Features {
  private readonly texts = new Uint32Array(counters);
  private count = 0;

  /** Counts a text. */
  add(text: string): void {
    this.count++;
    for (const hash of termCounts(text).keys()) {
      const at = hash & (counters - 1);
      this.texts[at] = (this.texts[at] as number) + 1;
    }
  }

  /** Writes the vector of a text to `vector` [256], which is zero. */
  write(text: string, vector: Float32Array): void {
    for (const [hash, count] of termCounts(text)) {
      const texts = this.texts[hash & (counters - 1)] as number;
      const rarity = Math.log((1 + this.count) / (1 + texts)) + 1;
      const bits = mix(hash ^ 0x2545f491);
      const sign = bits < 0 ? -1 : 1;
      const at = bits & (dimensions - 1);
      vector[at] = (vector[at] as number) + sign * (1 + Math.log(count)) * rarity;
    }
    normalise(vector);
  }
}

/** How often a text has each word and pair of words, by hash. */
function termCounts(text: string): Map<number, number> {
  const counts = new Map<number, number>();
  const hashes = hashWords(text);
  const pairs = hashes.length > 1 ? hashRuns(hashes, 2) : [];
  for (const list of [hashes, pairs]) {
    for (const hash of list) counts.set(hash, (counts.get(hash) ?? 0) + 1);
  }
  return counts;
}

function normalise(vector: Float32Array): void {
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  if (norm > 0) for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / norm;
}
