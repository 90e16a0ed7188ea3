import { CommonSubsequence } from './lcs.ts';
import { words } from './words.ts';

/**
 * ROUGE-L (Lin 2004): the F-measure of the longest common subsequence of `length` words of two
 * texts of `a` and `b` words, with the operations of Python's rouge_score, so that a threshold
 * decides alike.
 */
export function rougeScore(length: number, a: number, b: number): number {
  if (length === 0) return 0;
  const precision = length / a;
  const recall = length / b;
  return (2 * precision * recall) / (precision + recall);
}

/** ROUGE-L of two texts, 0 to 1. */
export function rougeL(a: string, b: string): number {
  const vocabulary = new Vocabulary();
  const [first, second] = [vocabulary.ids(words(a)), vocabulary.ids(words(b))];
  const length = new CommonSubsequence(first).length(second);
  return rougeScore(length, first.length, second.length);
}

/** Numbers of words, in the order they were met. */
class Vocabulary {
  private readonly numbers = new Map<string, number>();

  ids(list: readonly string[]): Int32Array {
    const ids = new Int32Array(list.length);
    for (let i = 0; i < ids.length; i++) ids[i] = this.id(list[i] as string);
    return ids;
  }

  /** Words with the times they stood before in the list, so that each is met once; descending. */
  elements(list: readonly string[]): Int32Array {
    const seen = new Map<string, number>();
    const ids = new Int32Array(list.length);
    for (let i = 0; i < ids.length; i++) {
      const word = list[i] as string;
      const times = seen.get(word) ?? 0;
      seen.set(word, times + 1);
      ids[i] = this.id(times === 0 ? word : `${word} ${times}`);
    }
    return ids.sort().reverse();
  }

  private id(word: string): number {
    let id = this.numbers.get(word);
    if (id === undefined) {
      id = this.numbers.size;
      this.numbers.set(word, id);
    }
    return id;
  }
}

interface Kept {
  row: number;
  ids: Int32Array;
  elements: Int32Array;
}

/** Against rounding: bounds are taken a little too wide, and what passes them is scored. */
const slack = 1e-9;

/**
 * Finds the row whose ROUGE-L with a text is highest and above a threshold, as comparing with every
 * row would, but faster. Two texts of m and n words can only score above t where they share more
 * than t (m + n) / 2 words, each as often as it stands in both. Of two sets that share so many, the
 * first few members in any fixed order already share one (prefix filter: Chaudhuri, Ganti, Kaushik
 * 2006), and where it stands bounds what can follow (Xiao et al. 2008); words met later are rarer,
 * so they come first. Longest common subsequences are taken of what is left. Time is quadratic in
 * the number of rows in the worst case; memory: some 16 bytes a word.
 */
export class RougeIndex {
  private readonly vocabulary = new Vocabulary();
  private readonly kept: Kept[] = [];
  /** By element of their prefixes: rows in `kept`, each followed by where the element stands. */
  private readonly prefixes = new Map<number, number[]>();
  /** Per row in `kept`, the last search that met it. */
  private met = new Uint32Array(1024);
  private searches = 0;

  /** `threshold`: below 1; scores above it are found. */
  constructor(private readonly threshold: number) {}

  /** The row most like a text and their score; of several the one added first. null: none. */
  find(text: string): { row: number; similarity: number } | null {
    const list = words(text);
    const ids = this.vocabulary.ids(list);
    const elements = this.vocabulary.elements(list);
    let [best, highest] = [-1, 0];
    let sequence: CommonSubsequence | null = null;
    for (const index of this.candidates(elements)) {
      const other = this.kept[index] as Kept;
      const total = ids.length + other.ids.length;
      const least = (Math.max(this.threshold, highest) - slack) * total;
      if (2 * common(elements, other.elements, least / 2) < least) continue;
      sequence ??= new CommonSubsequence(ids);
      const score = rougeScore(sequence.length(other.ids), ids.length, other.ids.length);
      if (score <= this.threshold || score < highest) continue;
      if (score === highest && index > best) continue;
      [best, highest] = [index, score];
    }
    return best < 0 ? null : { row: (this.kept[best] as Kept).row, similarity: highest };
  }

  /** Adds a row to compare with. */
  add(row: number, text: string): void {
    const list = words(text);
    if (list.length === 0) return;
    const elements = this.vocabulary.elements(list);
    for (let i = 0; i < this.prefixLength(elements.length); i++) {
      const rows = this.prefixes.get(elements[i] as number);
      if (rows) rows.push(this.kept.length, i);
      else this.prefixes.set(elements[i] as number, [this.kept.length, i]);
    }
    if (this.kept.length === this.met.length) {
      const larger = new Uint32Array(2 * this.met.length);
      larger.set(this.met);
      this.met = larger;
    }
    this.kept.push({ row, ids: this.vocabulary.ids(list), elements });
  }

  /** Indices of the kept rows that may score above the threshold. */
  private candidates(elements: Int32Array): number[] {
    const found: number[] = [];
    const search = ++this.searches;
    const length = elements.length;
    const t = this.threshold - slack;
    for (let i = 0; i < this.prefixLength(length); i++) {
      const rows = this.prefixes.get(elements[i] as number) ?? [];
      for (let at = 0; at < rows.length; at += 2) {
        const index = rows[at] as number;
        if (this.met[index] === search) continue;
        this.met[index] = search;
        // The first that both have: what they share stands here or behind, in both.
        const other = (this.kept[index] as Kept).elements.length;
        const most = Math.min(length - i, other - (rows[at + 1] as number));
        if (2 * most >= t * (length + other)) found.push(index);
      }
    }
    return found;
  }

  /**
   * All elements but the last (o - 1), where o is the least that a text of m words must share: the
   * other has n words and shares at most n, so n > t m / (2 - t), and o > t (m + n) / 2 > t m / (2 - t).
   */
  private prefixLength(length: number): number {
    const t = this.threshold - slack;
    const least = Math.max(1, Math.ceil((t * length) / (2 - t)));
    return length - least + 1;
  }
}

/** Members that two descending lists share; less than `needed` as soon as it cannot be reached. */
function common(a: Int32Array, b: Int32Array, needed: number): number {
  let [i, j, shared] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    if (shared + Math.min(a.length - i, b.length - j) < needed) return shared;
    const [left, right] = [a[i] as number, b[j] as number];
    if (left === right) shared++;
    if (left >= right) i++;
    if (right >= left) j++;
  }
  return shared;
}
