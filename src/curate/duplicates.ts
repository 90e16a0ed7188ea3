import { createHash } from 'node:crypto';
import { Buckets } from './buckets.ts';
import { type Banding, jaccard, MinHash, type MinHashOptions, minHashDefaults } from './minhash.ts';
import { normalised } from './words.ts';

/** How a row repeats an earlier one. */
export type DuplicateKind = 'exact duplicate' | 'same but for case and space' | 'near-duplicate';

/** A row that repeats an earlier one, `of`, which itself repeats none. */
export interface Duplicate {
  of: number;
  kind: DuplicateKind;
  /** Jaccard similarity of their shingles; 1 for the first two kinds. */
  similarity: number;
}

/** Rows with which one row is compared at most: those that share the most bands with it. */
const mostCompared = 32;

/**
 * Finds rows whose text repeats that of a row before: equal, equal but for case and white space,
 * or, with MinHash and LSH, of nearly the same shingles. Candidates of LSH are compared exactly, so
 * each near-duplicate has at least the threshold's similarity; those at the threshold are found
 * with probability `banding.recall`. Deterministic; work a row does not grow with their number;
 * memory a row about 64 bytes, and 16 bytes a band where near-duplicates are looked for.
 */
export class DuplicateFinder {
  /** Rows that had more candidates than were compared. */
  cut = 0;
  /** How signatures are cut; null: near-duplicates are not looked for. */
  readonly banding: Banding | null;
  private readonly rows = new Map<string, number>();
  private readonly buckets = new Buckets();
  private readonly minHash: MinHash | null;
  private readonly threshold: number;

  /** `textOf` reads the text of a row that was added; `near: null` looks for equal texts alone. */
  constructor(
    private readonly textOf: (row: number) => string,
    near: Partial<MinHashOptions> | null = {},
  ) {
    const options = { ...minHashDefaults, ...near };
    this.minHash = near && new MinHash(options);
    this.banding = this.minHash?.banding ?? null;
    this.threshold = options.threshold;
  }

  /** Adds a row, any number not used before, and says which row added before it repeats. */
  add(row: number, text: string): Duplicate | null {
    const key = createHash('sha256').update(normalised(text)).digest('base64');
    const first = this.rows.get(key);
    if (first !== undefined) {
      const isExact = this.textOf(first) === text;
      const kind = isExact ? 'exact duplicate' : 'same but for case and space';
      return { of: first, kind, similarity: 1 };
    }
    const near = this.minHash && this.addNear(this.minHash, row, text);
    if (near === null) this.rows.set(key, row);
    return near;
  }

  private addNear(minHash: MinHash, row: number, text: string): Duplicate | null {
    const shingles = minHash.shingles(text);
    if (shingles.size === 0) return null;
    const bands = new Int32Array(minHash.banding.bands);
    minHash.hashBands(minHash.signature(shingles), bands);
    const shared = new Map<number, number>();
    for (const band of bands) {
      this.buckets.find(band, (other) => shared.set(other, (shared.get(other) ?? 0) + 1));
    }
    let found: Duplicate | null = null;
    for (const other of this.closest(shared)) {
      const similarity = jaccard(shingles, minHash.shingles(this.textOf(other)));
      if (similarity < this.threshold || similarity <= (found?.similarity ?? 0)) continue;
      found = { of: other, kind: 'near-duplicate', similarity };
    }
    if (found === null) for (const band of bands) this.buckets.add(band, row);
    return found;
  }

  /** Candidates by the bands they share, most first, then in the order they were added. */
  private closest(shared: Map<number, number>): number[] {
    if (shared.size > mostCompared) this.cut++;
    const ranked = [...shared].sort(([a, m], [b, n]) => n - m || a - b);
    return ranked.slice(0, mostCompared).map(([row]) => row);
  }
}

/** Groups of rows that repeat each other: [first, its duplicates …], in order of the first. */
export function duplicateGroups(found: ReadonlyMap<number, Duplicate>): number[][] {
  const groups = new Map<number, number[]>();
  for (const [row, { of }] of found) {
    const group = groups.get(of);
    if (group) group.push(row);
    else groups.set(of, [of, row]);
  }
  return [...groups.values()].sort(([a = 0], [b = 0]) => a - b);
}
