import { hashRuns, hashWords, mix } from './words.ts';

/** Numbers of a vector. */
export const dimensions = 256;

/**
 * Vectors [rows, 256] of unit length: words and pairs of words, hashed with a sign (Weinberger et
 * al. 2009), weighted by the logarithm of how often a text has them and of how few texts do
 * (tf-idf). A row without words is zero.
 */
export class Features {
  private readonly counts: Map<number, number>[] = [];
  private readonly texts = new Map<number, number>();

  /** Adds the next row. */
  add(text: string): void {
    const counts = new Map<number, number>();
    const hashes = hashWords(text);
    const pairs = hashes.length > 1 ? hashRuns(hashes, 2) : [];
    for (const list of [hashes, pairs]) {
      for (const hash of list) counts.set(hash, (counts.get(hash) ?? 0) + 1);
    }
    for (const hash of counts.keys()) this.texts.set(hash, (this.texts.get(hash) ?? 0) + 1);
    this.counts.push(counts);
  }

  /** The vectors of all rows, one after the other. */
  vectors(): Float32Array {
    const rows = this.counts.length;
    const vectors = new Float32Array(rows * dimensions);
    this.counts.forEach((counts, row) => {
      const vector = vectors.subarray(row * dimensions, (row + 1) * dimensions);
      for (const [hash, count] of counts) {
        const rarity = Math.log((1 + rows) / (1 + (this.texts.get(hash) as number))) + 1;
        const bits = mix(hash ^ 0x2545f491);
        const sign = bits < 0 ? -1 : 1;
        const at = bits & (dimensions - 1);
        vector[at] = (vector[at] as number) + sign * (1 + Math.log(count)) * rarity;
      }
      normalise(vector);
    });
    return vectors;
  }
}

function normalise(vector: Float32Array): void {
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  if (norm > 0) for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / norm;
}
