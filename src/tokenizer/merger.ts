import { AttuneError } from '../errors.ts';

/** A word in parts: ids (-1: no token), and how much of the word each part stands for. */
export class Word {
  ids = new Int32Array(64);
  sizes = new Int32Array(64);
  length = 0;

  push(id: number, size: number): void {
    if (this.length === this.ids.length) this.reserve(2 * this.length);
    this.ids[this.length] = id;
    this.sizes[this.length++] = size;
  }

  /** Parts [from, to) of another word behind those that are there. */
  append(other: Word, from: number, to: number): void {
    this.reserve(this.length + to - from);
    this.ids.set(other.ids.subarray(from, to), this.length);
    this.sizes.set(other.sizes.subarray(from, to), this.length);
    this.length += to - from;
  }

  /** Exchanges what both hold, and their memory. */
  swap(other: Word): void {
    [this.ids, other.ids] = [other.ids, this.ids];
    [this.sizes, other.sizes] = [other.sizes, this.sizes];
    [this.length, other.length] = [other.length, this.length];
  }

  private reserve(room: number): void {
    if (room <= this.ids.length) return;
    const [ids, sizes] = [this.ids, this.sizes];
    this.ids = new Int32Array(Math.max(room, 2 * ids.length));
    this.sizes = new Int32Array(this.ids.length);
    this.ids.set(ids);
    this.sizes.set(sizes);
  }
}

/** Words up to this many parts are merged by scanning; it keeps the square of it small. */
const longestScanned = 24;
/** Sides of a pair and ranks are below this; a rank and a place together are a whole number below 2^53. */
const limit = 2 ** 26;

/**
 * Byte-pair encoding of a word: of the pairs of neighbours the one of lowest rank is merged, leftmost
 * first, until none is left that has a rank.
 */
export class Merger {
  private readonly mask: number;
  /** Open addressing: left and right side of a pair, its rank, and what it makes. */
  private readonly table: Int32Array;
  private rank = new Int32Array(64);
  private made = new Int32Array(64);
  private before = new Int32Array(64);
  private after = new Int32Array(64);
  private readonly heap = new Heap();
  private readonly merged = new Word();
  private readonly part = new Word();

  /**
   * `merges`: "left right", best first. Throws `tokenizer` for a merge that is none, or makes what is
   * no token; native code does the same. Longer words are merged in parts of `window`.
   */
  constructor(
    merges: readonly string[],
    vocabulary: ReadonlyMap<string, number>,
    private readonly window = 2048,
  ) {
    let size = 16;
    while (size < 2 * merges.length) size *= 2;
    this.mask = size - 1;
    this.table = new Int32Array(4 * size).fill(-1);
    merges.forEach((merge, rank) => {
      const [left, right, made] = readMerge(merge, rank, vocabulary);
      const slot = this.slot(left, right);
      this.table.set([left, right, rank, made], slot);
    });
  }

  /** Merges `word` in place, in time linear in its length. */
  merge(word: Word): void {
    if (word.length < 2) return;
    if (word.length <= longestScanned) this.scan(word);
    else if (word.length <= this.window) this.queue(word);
    else {
      let window = this.window;
      while (!this.mergeWindows(word, window)) window *= 2;
      word.swap(this.merged);
    }
  }

  /**
   * Into `merged` in windows, as native/text/text_encoder.cpp does and says why; false where a cut does
   * not hold.
   */
  private mergeWindows(word: Word, window: number): boolean {
    const merged = this.merged;
    const part = this.part;
    merged.length = 0;
    let [id, size] = [-1, 0];
    for (let from = 0; ; ) {
      const to = Math.min(from + window, word.length);
      part.length = 0;
      part.append(word, from, to);
      this.queue(part);
      if (from > 0 && (part.ids[0] !== id || part.sizes[0] !== size)) return false;
      if (to === word.length) {
        merged.append(part, 0, part.length);
        return true;
      }
      // The cut: an eighth of the window is left behind it.
      let [kept, covered] = [0, 0];
      const end = from + Math.floor((7 * (to - from)) / 8);
      for (; from < end && kept < part.length - 1; kept++) {
        covered = part.sizes[kept] as number;
        while (covered > 0) covered -= word.sizes[from++] as number;
      }
      if (kept === 0 || from < end) return false;
      id = part.ids[kept] as number;
      size = part.sizes[kept] as number;
      merged.append(part, 0, kept);
    }
  }

  private scan(word: Word): void {
    const { ids, sizes } = word;
    const rank = this.rank;
    const made = this.made;
    let count = word.length;
    for (let i = 0; i + 1 < count; i++) this.look(i, ids[i] as number, ids[i + 1] as number);
    for (;;) {
      let [best, lowest] = [-1, limit];
      for (let i = 0; i + 1 < count; i++) {
        if ((rank[i] as number) < lowest) {
          best = i;
          lowest = rank[i] as number;
        }
      }
      if (best < 0) break;
      ids[best] = made[best] as number;
      sizes[best] = (sizes[best] as number) + (sizes[best + 1] as number);
      count--;
      for (let i = best + 1; i < count; i++) {
        ids[i] = ids[i + 1] as number;
        sizes[i] = sizes[i + 1] as number;
        rank[i] = rank[i + 1] as number;
        made[i] = made[i + 1] as number;
      }
      if (best + 1 < count) this.look(best, ids[best] as number, ids[best + 1] as number);
      if (best > 0) this.look(best - 1, ids[best - 1] as number, ids[best] as number);
    }
    word.length = count;
  }

  private queue(word: Word): void {
    const { ids, sizes, length } = word;
    if (length > this.rank.length) this.grow(length);
    const rank = this.rank;
    const made = this.made;
    const before = this.before;
    const after = this.after;
    const heap = this.heap;
    const wait = (at: number): void => {
      const next = after[at] as number;
      if (next < 0) rank[at] = limit;
      else if (this.look(at, ids[at] as number, ids[next] as number)) {
        heap.push((rank[at] as number) * limit + at);
      }
    };
    for (let i = 0; i < length; i++) {
      before[i] = i - 1;
      after[i] = i + 1 < length ? i + 1 : -1;
    }
    for (let i = 0; i < length; i++) wait(i);
    while (heap.length > 0) {
      const first = heap.pop();
      const at = first % limit;
      // What waits for a pair that is no more is dropped when its turn comes.
      if (rank[at] !== (first - at) / limit) continue;
      const next = after[at] as number;
      ids[at] = made[at] as number;
      sizes[at] = (sizes[at] as number) + (sizes[next] as number);
      sizes[next] = 0;
      rank[next] = limit;
      after[at] = after[next] as number;
      if ((after[at] as number) >= 0) before[after[at] as number] = at;
      wait(at);
      if ((before[at] as number) >= 0) wait(before[at] as number);
    }
    let count = 0;
    for (let i = 0; i >= 0; i = after[i] as number) {
      ids[count] = ids[i] as number;
      sizes[count++] = sizes[i] as number;
    }
    word.length = count;
  }

  /** Notes rank and result of the pair at `at`; false where it has none. */
  private look(at: number, left: number, right: number): boolean {
    const slot = left < 0 || right < 0 ? -1 : this.slot(left, right);
    const found = slot >= 0 && (this.table[slot] as number) >= 0;
    this.rank[at] = found ? (this.table[slot + 2] as number) : limit;
    this.made[at] = found ? (this.table[slot + 3] as number) : -1;
    return found;
  }

  /** Where a pair is in the table, or would be. */
  private slot(left: number, right: number): number {
    const table = this.table;
    const mask = this.mask;
    let hash = Math.imul(left, 0x9e3779b1) + Math.imul(right, 0x85ebca6b);
    hash ^= hash >>> 15;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const slot = 4 * i;
      if (table[slot] === -1 || (table[slot] === left && table[slot + 1] === right)) return slot;
    }
  }

  private grow(length: number): void {
    const room = Math.max(length, this.window);
    this.rank = new Int32Array(room);
    this.made = new Int32Array(room);
    this.before = new Int32Array(room);
    this.after = new Int32Array(room);
  }
}

/** Numbers, the smallest of which can be taken. */
class Heap {
  length = 0;
  private values = new Float64Array(64);

  push(value: number): void {
    if (this.length === this.values.length) {
      const grown = new Float64Array(2 * this.length);
      grown.set(this.values);
      this.values = grown;
    }
    const values = this.values;
    let at = this.length++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((values[parent] as number) <= value) break;
      values[at] = values[parent] as number;
      at = parent;
    }
    values[at] = value;
  }

  pop(): number {
    const values = this.values;
    const first = values[0] as number;
    const last = values[--this.length] as number;
    let at = 0;
    for (let child = 1; child < this.length; child = 2 * at + 1) {
      if (child + 1 < this.length && (values[child + 1] as number) < (values[child] as number))
        child++;
      if ((values[child] as number) >= last) break;
      values[at] = values[child] as number;
      at = child;
    }
    values[at] = last;
    return first;
  }
}

/** Ids of both sides of a merge, and of what it makes. */
function readMerge(
  merge: string,
  rank: number,
  vocabulary: ReadonlyMap<string, number>,
): [number, number, number] {
  const bad = (why: string): AttuneError =>
    new AttuneError('tokenizer', `tokenizer.json: merge ${rank}, "${merge}": ${why}`);
  const sides = merge.split(' ');
  const [left = '', right = ''] = sides;
  if (sides.length !== 2 || left === '' || right === '') {
    throw bad('not two tokens with a space between');
  }
  const id = (token: string): number => {
    const found = vocabulary.get(token);
    if (found === undefined) throw bad(`"${token}" is not in the vocabulary`);
    return found;
  };
  const both = [id(left), id(right)] as const;
  const made = vocabulary.get(left + right);
  if (made === undefined) throw bad('the two together are not in the vocabulary');
  return [...both, made];
}
