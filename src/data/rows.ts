/** Longer rows are refused when they are read. */
const longest = 2 ** 32 - 1;

/** Where the rows of a file lie: 16 bytes a row. */
export class RowIndex {
  length = 0;
  private starts = new Float64Array(1024);
  private lengths = new Uint32Array(1024);
  private lines = new Uint32Array(1024);

  push(start: number, end: number, line: number): void {
    if (this.length === this.starts.length) this.grow();
    this.starts[this.length] = start;
    this.lengths[this.length] = Math.min(end - start, longest);
    this.lines[this.length] = line;
    this.length++;
  }

  /** Row `index`: offsets are exact up to 2^53 bytes. */
  at(index: number): RowRange {
    const start = this.starts[index] ?? 0;
    return { start, end: start + (this.lengths[index] ?? 0), line: this.lines[index] ?? 0 };
  }

  /** Bytes of row `index`. */
  bytes(index: number): number {
    return this.lengths[index] ?? 0;
  }

  private grow(): void {
    const size = 2 * this.starts.length;
    const { starts, lengths, lines } = this;
    this.starts = new Float64Array(size);
    this.lengths = new Uint32Array(size);
    this.lines = new Uint32Array(size);
    this.starts.set(starts);
    this.lengths.set(lengths);
    this.lines.set(lines);
  }
}

/** One row's bytes [start, end) in its file, and its line from 1. */
export interface RowRange {
  start: number;
  end: number;
  line: number;
}
