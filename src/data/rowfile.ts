import { closeSync, openSync, writeSync } from 'node:fs';
import { RowIndex } from './rows.ts';

const chunk = 1 << 20;
/** Stands before a row that is none; no JSON begins with it. */
const mark = '\u0001';
/** Characters of it that are kept. */
const mostRaw = 10_000;

/** Why a row of the original is none, and what it was. */
export interface Refusal {
  reason: string;
  raw: string;
}

/** The refusal that stands in place of a row of a RowFile; null: it is a row. */
export function refusalIn(text: string): Refusal | null {
  return text.startsWith(mark) ? JSON.parse(text.slice(mark.length)) : null;
}

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

  /** Adds what stands at line `line` and is no row, in its place among the rows. */
  refuse({ reason, raw }: Refusal, line: number): void {
    this.write(mark + JSON.stringify({ reason, raw: raw.slice(0, mostRaw) }), line);
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
