import { BitSet } from './bitset.ts';

/** Rows of document indices: row r holds order[rows[r]] … order[rows[r + 1] - 1]. */
export interface Bins {
  order: Int32Array;
  rows: Int32Array;
}

/**
 * Best-fit decreasing (arXiv 2404.10830) as TRL does it: documents from the longest to the
 * shortest, in order among equals; each goes to the row with the least room that holds it, the
 * one that came to that room first; rows in order of creation. Empty documents are left out.
 * `lengths` are at most `capacity`; a RangeError otherwise. O(n) for a fixed capacity.
 */
export function packBestFit(lengths: Int32Array, capacity: number): Bins {
  const sorted = longestFirst(lengths, capacity);
  const binOf = new Int32Array(sorted.length);
  const rooms = new Rooms(capacity, sorted.length);
  for (let i = 0; i < sorted.length; i++) binOf[i] = rooms.place(lengths[sorted[i]!]!);
  return gather(sorted, binOf, rooms.count);
}

/** Stable counting sort of the indices of non-empty documents. */
function longestFirst(lengths: Int32Array, capacity: number): Int32Array {
  const starts = new Int32Array(capacity + 2);
  let total = 0;
  for (let index = 0; index < lengths.length; index++) {
    const length = lengths[index]!;
    if (length > capacity) throw new RangeError(`a document of ${length} in rows of ${capacity}`);
    if (length === 0) continue;
    starts[capacity - length + 1]!++;
    total++;
  }
  for (let i = 1; i < starts.length; i++) starts[i]! += starts[i - 1]!;
  const sorted = new Int32Array(total);
  for (let index = 0; index < lengths.length; index++) {
    const length = lengths[index]!;
    if (length > 0) sorted[starts[capacity - length]!++] = index;
  }
  return sorted;
}

/** Open rows by room left: a queue for each room, and the set of rooms that have one. */
class Rooms {
  count = 0;
  private readonly open: BitSet;
  private readonly first: Int32Array;
  private readonly last: Int32Array;
  private readonly following: Int32Array;

  constructor(
    private readonly capacity: number,
    documents: number,
  ) {
    this.open = new BitSet(capacity + 1);
    this.first = new Int32Array(capacity + 1).fill(-1);
    this.last = new Int32Array(capacity + 1).fill(-1);
    this.following = new Int32Array(documents).fill(-1);
  }

  /** Takes room for `length` in a row; returns the row. */
  place(length: number): number {
    const room = this.open.next(length);
    const row = room < 0 ? this.count++ : this.dequeue(room);
    const left = (room < 0 ? this.capacity : room) - length;
    if (left > 0) this.enqueue(left, row);
    return row;
  }

  private dequeue(room: number): number {
    const row = this.first[room]!;
    this.first[room] = this.following[row]!;
    if (this.first[room]! < 0) this.open.delete(room);
    return row;
  }

  private enqueue(room: number, row: number): void {
    this.following[row] = -1;
    if (this.first[room]! < 0) {
      this.first[room] = row;
      this.open.add(room);
    } else {
      this.following[this.last[room]!] = row;
    }
    this.last[room] = row;
  }
}

/** Documents row by row, in the order in which they were placed. */
function gather(sorted: Int32Array, binOf: Int32Array, count: number): Bins {
  const rows = new Int32Array(count + 1);
  for (let i = 0; i < binOf.length; i++) rows[binOf[i]! + 1]!++;
  for (let row = 0; row < count; row++) rows[row + 1]! += rows[row]!;
  const next = rows.slice();
  const order = new Int32Array(sorted.length);
  for (let i = 0; i < binOf.length; i++) order[next[binOf[i]!]!++] = sorted[i]!;
  return { order, rows };
}
