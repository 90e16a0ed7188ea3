/** Rows that one bucket holds: the first ones. It keeps the work per row bounded. */
const bucketRows = 64;

/**
 * Hash buckets of rows, for many keys a row, in flat arrays: 8 bytes an entry at most half full.
 * Entries of one key follow each other from where its hash points on.
 */
export class Buckets {
  private rows = new Int32Array(1 << 12).fill(-1);
  private keys = new Int32Array(1 << 12);
  private count = 0;

  /** Adds a row under a key, unless its bucket is full. Returns false where it is. */
  add(key: number, row: number): boolean {
    if (2 * this.count >= this.rows.length) this.grow();
    const { rows, keys } = this;
    const mask = rows.length - 1;
    let held = 0;
    let at = key & mask;
    for (; rows[at] !== -1; at = (at + 1) & mask) {
      if (keys[at] === key && ++held === bucketRows) return false;
    }
    rows[at] = row;
    keys[at] = key;
    this.count++;
    return true;
  }

  /** Calls `visit` with the rows under a key, in the order they were added. */
  find(key: number, visit: (row: number) => void): void {
    const { rows, keys } = this;
    const mask = rows.length - 1;
    for (let at = key & mask; rows[at] !== -1; at = (at + 1) & mask) {
      if (keys[at] === key) visit(rows[at] as number);
    }
  }

  /** Entries keep their order: they are moved from a place that is free on. */
  private grow(): void {
    const { rows: oldRows, keys: oldKeys } = this;
    this.rows = new Int32Array(2 * oldRows.length).fill(-1);
    this.keys = new Int32Array(2 * oldRows.length);
    const mask = this.rows.length - 1;
    const first = oldRows.indexOf(-1);
    for (let i = 0; i < oldRows.length; i++) {
      const from = (first + i) & (oldRows.length - 1);
      const row = oldRows[from] as number;
      if (row === -1) continue;
      const key = oldKeys[from] as number;
      let at = key & mask;
      while (this.rows[at] !== -1) at = (at + 1) & mask;
      this.rows[at] = row;
      this.keys[at] = key;
    }
  }
}
