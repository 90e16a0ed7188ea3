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
 * 2006); words met later are rarer, so they are put first. Longest common subsequences are taken of
 * what is left. Time is quadratic in the number of rows in the worst case; memory: 8 bytes a word.
 */
export class RougeIndex {
  private readonly vocabulary = new Vocabulary();
  private readonly kept: Kept[] = [];
  /** Rows in `kept` by the elements of their prefixes. */
  private readonly prefixes = new Map<number, number[]>();

  /** `threshold`: below 1; scores above it are found. */
  constructor(private readonly threshold: number) {}

  /** The row most like a text and their score; of several the one added first. null: none. */
  find(text: string): { row: number; similarity: number } | null {
    const list = words(text);
    const ids = this.vocabulary.ids(list);
    const elements = this.vocabulary.elements(list);
    let best: { row: number; similarity: number } | null = null;
    let sequence: CommonSubsequence | null = null;
    for (const index of this.candidates(elements)) {
      const other = this.kept[index] as Kept;
      const least = Math.max(this.threshold, best?.similarity ?? 0) - slack;
      const total = ids.length + other.ids.length;
      if (2 * Math.min(ids.length, other.ids.length) < least * total) continue;
      if (2 * common(elements, other.elements, (least * total) / 2) < least * total) continue;
      sequence ??= new CommonSubsequence(ids);
      const score = rougeScore(sequence.length(other.ids), ids.length, other.ids.length);
      if (score <= this.threshold || score <= (best?.similarity ?? 0)) continue;
      best = { row: other.row, similarity: score };
    }
    return best;
  }

  /** Adds a row to compare with. */
  add(row: number, text: string): void {
    const list = words(text);
    if (list.length === 0) return;
    const elements = this.vocabulary.elements(list);
    for (const element of this.prefix(elements)) {
      const rows = this.prefixes.get(element);
      if (rows) rows.push(this.kept.length);
      else this.prefixes.set(element, [this.kept.length]);
    }
    this.kept.push({ row, ids: this.vocabulary.ids(list), elements });
  }

  /** Indices of the kept rows that share an element of the prefix, in the order they were added. */
  private candidates(elements: Int32Array): number[] {
    const found = new Set<number>();
    for (const element of this.prefix(elements)) {
      for (const index of this.prefixes.get(element) ?? []) found.add(index);
    }
    return [...found].sort((a, b) => a - b);
  }

  /**
   * All but the last (o - 1) elements, where o is the least that a text must share: the other has n
   * words, shares at most n, so n > t m / (2 - t), and o > t (m + n) / 2 > t m / (2 - t).
   */
  private prefix(elements: Int32Array): Int32Array {
    const t = this.threshold - slack;
    const least = Math.max(1, Math.ceil((t * elements.length) / (2 - t)));
    return elements.subarray(0, elements.length - least + 1);
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
