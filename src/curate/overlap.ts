import { hashRuns, hashWords, words } from './words.ts';

/** Fewest words of an n-gram that count: GPT-3 (Brown et al. 2020, appendix C) used 8 to 13. */
const fewest = 8;

/** What a text shares with a row of evaluation data. */
export interface Overlap {
  row: number;
  /** Share of that row's n-grams that the text has; 1 for all. */
  share: number;
  /** The first n-gram that both have. */
  passage: string;
  /** Whether it is the row as a whole: all words of the one are those of the other. */
  isWhole: boolean;
}

interface Gram {
  row: number;
  start: number;
  length: number;
  /** Rows that have it. */
  rows: number;
}

/**
 * Finds texts that share n-grams of words with rows of evaluation data. Rows of fewer than n words
 * count as one n-gram of their own length; of fewer than 8, only texts of the same words are found.
 * n-grams that more than `common` rows have (prompts around all of them) say nothing, and are passed
 * over. Matches are compared word by word.
 */
export class OverlapIndex {
  /** Rows all of whose n-grams are common to many. */
  unchecked = 0;
  private readonly grams = new Map<number, Gram>();
  /** First hashes of all n-grams: most texts have none of them. */
  private readonly hashes = new Set<number>();
  private readonly lengths = new Set<number>();
  private readonly counts = new Map<number, number>();
  /** Rows by the hash of all of their words. */
  private readonly whole = new Map<number, number>();

  /** `textOf` reads the text of a row that was added; `common` 0 passes nothing over. */
  constructor(
    private readonly textOf: (row: number) => string,
    private readonly size: number,
    private readonly common: number,
  ) {}

  /** Adds a row of the evaluation data; all must be there before `find`. */
  add(row: number, text: string): void {
    const hashes = hashWords(text);
    if (hashes.length === 0) return;
    const [all] = keys(hashes, hashes.length);
    if (!this.whole.has(all as number)) this.whole.set(all as number, row);
    if (hashes.length < Math.min(fewest, this.size)) return;
    const length = Math.min(this.size, hashes.length);
    this.lengths.add(length);
    const found = keys(hashes, length);
    const different = new Set(found);
    this.counts.set(row, different.size);
    for (const hash of hashRuns(hashes, length)) this.hashes.add(hash);
    for (const key of different) {
      const gram = this.grams.get(key);
      if (gram) gram.rows++;
      else this.grams.set(key, { row, start: found.indexOf(key), length, rows: 1 });
    }
  }

  /** Counts the rows that cannot be told from others. To be called when all rows are added. */
  finish(): void {
    for (const row of this.counts.keys()) {
      const hashes = hashWords(this.textOf(row));
      const found = keys(hashes, Math.min(this.size, hashes.length));
      const isTold = found.some((key) => !this.isCommon(this.grams.get(key)));
      if (!isTold) this.unchecked++;
    }
  }

  /** The row that most n-grams of a text belong to; of several the first. null: none. */
  find(text: string): Overlap | null {
    const hashes = hashWords(text);
    if (hashes.length === 0) return null;
    const row = this.whole.get(keys(hashes, hashes.length)[0] as number);
    if (row !== undefined && String(words(this.textOf(row))) === String(words(text))) {
      return { row, share: 1, passage: passage(words(text), 0, this.size), isWhole: true };
    }
    let list: string[] | null = null;
    const hits = new Map<number, { grams: Set<number>; start: number; length: number }>();
    for (const length of [...this.lengths].sort((a, b) => b - a)) {
      if (length > hashes.length || !this.mayHave(hashes, length)) continue;
      for (const [start, key] of keys(hashes, length).entries()) {
        const gram = this.grams.get(key);
        if (gram === undefined || gram.length !== length || this.isCommon(gram)) continue;
        const hit = hits.get(gram.row);
        if (hit) hit.grams.add(key);
        else {
          list ??= words(text);
          if (this.isSame(gram, list, start)) {
            hits.set(gram.row, { grams: new Set([key]), start, length });
          }
        }
      }
    }
    let best: Overlap | null = null;
    for (const [at, { grams, start, length }] of hits) {
      const share = grams.size / (this.counts.get(at) as number);
      if (best !== null && (share < best.share || (share === best.share && at > best.row)))
        continue;
      best = { row: at, share, passage: passage(list ?? [], start, length), isWhole: false };
    }
    return best;
  }

  private mayHave(hashes: Int32Array, length: number): boolean {
    for (const hash of hashRuns(hashes, length)) if (this.hashes.has(hash)) return true;
    return false;
  }

  private isCommon(gram: Gram | undefined): boolean {
    return gram !== undefined && this.common > 0 && gram.rows > this.common;
  }

  private isSame(gram: Gram, list: readonly string[], start: number): boolean {
    const other = words(this.textOf(gram.row)).slice(gram.start, gram.start + gram.length);
    return other.every((word, i) => word === list[start + i]);
  }
}

/** Keys of all n-grams: two hashes, 53 bits together. */
function keys(hashes: Int32Array, size: number): number[] {
  const [high, low] = [hashRuns(hashes, size), hashRuns(hashes, size, 0x5bd1e995)];
  return Array.from(high, (bits, i) => (bits >>> 0) * 2 ** 21 + ((low[i] as number) >>> 11));
}

function passage(list: readonly string[], start: number, length: number): string {
  return list.slice(start, start + length).join(' ');
}
