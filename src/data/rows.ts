/** Where the rows of a file lie: bytes [start, end) and the line of the first byte, from 1. */
export class RowIndex {
  length = 0;
  private starts = new Float64Array(1024);
  private ends = new Float64Array(1024);
  private lines = new Float64Array(1024);

  push(start: number, end: number, line: number): void {
    if (this.length === this.starts.length) this.grow();
    this.starts[this.length] = start;
    this.ends[this.length] = end;
    this.lines[this.length] = line;
    this.length++;
  }

  /** Row `index`: offsets are exact up to 2^53 bytes. */
  at(index: number): RowRange {
    return {
      start: this.starts[index] ?? 0,
      end: this.ends[index] ?? 0,
      line: this.lines[index] ?? 0,
    };
  }

  private grow(): void {
    this.starts = doubled(this.starts);
    this.ends = doubled(this.ends);
    this.lines = doubled(this.lines);
  }
}

/** One row's bytes [start, end) in its file, and its line from 1. */
export interface RowRange {
  start: number;
  end: number;
  line: number;
}

function doubled(array: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * array.length);
  larger.set(array);
  return larger;
}
