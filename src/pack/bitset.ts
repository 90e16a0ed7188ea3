/** A set of the integers below a bound, with the next larger member found in a few steps. */
export class BitSet {
  /** levels[0] has a bit for each member; each level above, a bit for each non-zero word below. */
  private readonly levels: Uint32Array[] = [];

  constructor(bound: number) {
    let words = bound;
    do {
      words = Math.ceil(words / 32);
      this.levels.push(new Uint32Array(words));
    } while (words > 1);
  }

  add(value: number): void {
    let index = value;
    for (const level of this.levels) {
      level[index >>> 5] = word(level, index) | (1 << (index & 31));
      index >>>= 5;
    }
  }

  delete(value: number): void {
    let index = value;
    for (const level of this.levels) {
      level[index >>> 5] = word(level, index) & ~(1 << (index & 31));
      if (level[index >>> 5] !== 0) return;
      index >>>= 5;
    }
  }

  /** The smallest member not below `value`, or -1. */
  next(value: number): number {
    let index = value;
    for (let height = 0; height < this.levels.length; height++) {
      const level = this.levels[height] as Uint32Array;
      if (index >>> 5 >= level.length) return -1;
      const rest = word(level, index) & (-1 << (index & 31));
      if (rest !== 0) return this.descend(height, (index & ~31) + lowestBit(rest));
      index = (index >>> 5) + 1;
    }
    return -1;
  }

  private descend(height: number, found: number): number {
    let index = found;
    for (let below = height - 1; below >= 0; below--) {
      index = index * 32 + lowestBit((this.levels[below] as Uint32Array)[index] ?? 0);
    }
    return index;
  }
}

function word(level: Uint32Array, index: number): number {
  return level[index >>> 5] ?? 0;
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
