/**
 * Length of the longest common subsequence of one sequence with others, bit-parallel: 32 cells of
 * the table in one step (Crochemore, Iliopoulos, Pinzon, Reid 2001).
 */
export class CommonSubsequence {
  private readonly words: number;
  /** Where each value stands in the sequence, as bits. */
  private readonly places = new Map<number, Uint32Array>();

  constructor(sequence: Int32Array) {
    this.words = Math.ceil(sequence.length / 32);
    sequence.forEach((value, i) => {
      let bits = this.places.get(value);
      if (bits === undefined) {
        bits = new Uint32Array(this.words);
        this.places.set(value, bits);
      }
      bits[i >>> 5] = ((bits[i >>> 5] as number) | (1 << (i & 31))) >>> 0;
    });
  }

  /** Length with `other`. */
  length(other: Int32Array): number {
    const cells = new Uint32Array(this.words).fill(0xffffffff);
    for (const value of other) {
      const bits = this.places.get(value);
      if (bits !== undefined) advance(cells, bits);
    }
    // A zero bit is a step of the last row; bits beyond the sequence stay one.
    let steps = 0;
    for (const cell of cells) steps += 32 - ones(cell);
    return steps;
  }
}

/** One row of the table: V = (V + (V & M)) | (V & ~M), over words with a carry. */
function advance(cells: Uint32Array, bits: Uint32Array): void {
  let carry = 0;
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i] as number;
    const both = (cell & (bits[i] as number)) >>> 0;
    const sum = cell + both + carry;
    carry = sum > 0xffffffff ? 1 : 0;
    cells[i] = (sum | (cell & ~(bits[i] as number))) >>> 0;
  }
}

function ones(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return (((bits + (bits >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}
