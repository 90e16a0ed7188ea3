import { closeSync, openSync, writeSync } from 'node:fs';
import { RowIndex } from './rows.ts';

const chunk = 1 << 20;

/** Writes rows as JSON Lines, and remembers the line that each came from. */
export class RowFile {
  readonly rows = new RowIndex();
  private readonly handle: number;
  private parts: string[] = [];
  private pending = 0;
  private offset = 0;

  constructor(readonly path: string) {
    this.handle = openSync(path, 'w');
  }

  /** Adds the JSON text of a row of line `line`. */
  write(json: string, line: number): void {
    const length = Buffer.byteLength(json);
    this.rows.push(this.offset, this.offset + length, line);
    this.offset += length + 1;
    this.parts.push(json, '\n');
    this.pending += length + 1;
    if (this.pending >= chunk) this.flush();
  }

  /** Writes what is pending and closes the file. */
  close(): void {
    try {
      this.flush();
    } finally {
      closeSync(this.handle);
    }
  }

  private flush(): void {
    const bytes = Buffer.from(this.parts.join(''));
    this.parts = [];
    this.pending = 0;
    for (let done = 0; done < bytes.length; ) done += writeSync(this.handle, bytes, done);
  }
}
