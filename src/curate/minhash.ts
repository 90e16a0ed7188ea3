import { hashRuns, hashWords, mix } from './words.ts';

/** How MinHash compares texts. */
export interface MinHashOptions {
  /** Least Jaccard similarity of a near-duplicate, above 0 and at most 1. */
  threshold: number;
  /** Words of a shingle. */
  shingle: number;
  /** Hash functions of a signature. */
  permutations: number;
  seed: number;
}

export const minHashDefaults: MinHashOptions = {
  threshold: 0.8,
  shingle: 5,
  permutations: 128,
  seed: 42,
};

/** How a signature is cut: two texts are compared where all rows of one band are equal. */
export interface Banding {
  bands: number;
  rows: number;
  /** Share of the pairs exactly at the threshold that are found: 1 - (1 - t^rows)^bands. */
  recall: number;
}

const leastRecall = 0.99;

/**
 * The longest bands, which compare the fewest pairs, that still find 99 % of the pairs at the
 * threshold (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, 3.4).
 */
export function banding({ threshold, permutations }: MinHashOptions): Banding {
  for (let rows = permutations; ; rows--) {
    const bands = Math.floor(permutations / rows);
    const recall = 1 - (1 - threshold ** rows) ** bands;
    if (recall >= leastRecall || rows === 1) return { bands, rows, recall };
  }
}

/**
 * MinHash (Broder 1997): of all shingles of a text the least value under each of many hash
 * functions. The share of equal values of two signatures estimates the Jaccard similarity of the
 * two sets of shingles.
 */
export class MinHash {
  readonly banding: Banding;
  private readonly factors: Int32Array;
  private readonly terms: Int32Array;
  private readonly least: Int32Array;

  constructor(private readonly options: MinHashOptions) {
    this.banding = banding(options);
    const count = options.permutations;
    const random = (i: number): number => mix(mix(options.seed) + Math.imul(i, 0x9e3779b9));
    this.factors = Int32Array.from({ length: count }, (_, i) => random(2 * i + 1) | 1);
    this.terms = Int32Array.from({ length: count }, (_, i) => random(2 * i + 2));
    this.least = new Int32Array(count);
  }

  /** The different shingles of a text, as 32-bit hashes. */
  shingles(text: string): Set<number> {
    return new Set(hashRuns(hashWords(text), this.options.shingle));
  }

  /** Signature [permutations] of a set of shingles; valid until the next call. */
  signature(shingles: Iterable<number>): Int32Array {
    const values = Int32Array.from(shingles);
    const least = this.least;
    for (let i = 0; i < least.length; i++) {
      const factor = this.factors[i] as number;
      const term = this.terms[i] as number;
      let smallest = 0x7fffffff;
      for (let j = 0; j < values.length; j++) {
        const value = (Math.imul(factor, values[j] as number) + term) | 0;
        if (value < smallest) smallest = value;
      }
      least[i] = smallest;
    }
    return least;
  }

  /** A 32-bit hash of each band of a signature, written to `bands` [bands]. */
  hashBands(signature: Int32Array, bands: Int32Array): void {
    const { rows } = this.banding;
    for (let band = 0; band < bands.length; band++) {
      let bits = band;
      for (let i = band * rows; i < (band + 1) * rows; i++) {
        bits = Math.imul((bits << 5) ^ (bits >>> 27) ^ (signature[i] as number), 0x9e3779b1);
      }
      bands[band] = mix(bits);
    }
  }
}

/** Jaccard similarity of two sets; of two empty ones 1. */
export function jaccard(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  let common = 0;
  for (const each of small) if (large.has(each)) common++;
  const union = a.size + b.size - common;
  return union === 0 ? 1 : common / union;
}
