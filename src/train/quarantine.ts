import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type Patience, patiently } from '../checkpoint/durable.ts';
import { APPEND, writeError } from '../checkpoint/files.ts';
import type { BadRow } from '../data/options.ts';
import { readBytes } from '../read.ts';

/** output_dir/quarantine.jsonl: every bad row that was left out, once, as one JSON object a line. */
export class QuarantineFile {
  readonly #path: string;
  readonly #patience: Patience;
  readonly #known = new Set<string>();
  #file: number | null = null;
  #size = 0;
  #begin: (keep: boolean) => void = () => {};
  #writing: Promise<void>;
  #failure: unknown = null;

  /** Writes nothing before `begin` is called. */
  constructor(path: string, patience: Patience) {
    this.#path = path;
    this.#patience = patience;
    this.#writing = new Promise<boolean>((resolve) => {
      this.#begin = resolve;
    }).then((keep) => (keep ? this.#read() : rm(path, { force: true })));
    this.#writing.catch((error: unknown) => this.#fail(error));
  }

  /** Goes on behind the rows of the run that is continued, or begins anew. */
  begin(keep: boolean): void {
    this.#begin(keep);
  }

  /** Takes bad rows; those that are there already change nothing. */
  add(rows: Promise<BadRow[]>): void {
    // Awaited in its turn; until then nobody hears of a failure.
    rows.catch(() => {});
    this.#writing = this.#writing
      .then(async () => this.#write(await rows))
      .catch((error: unknown) => this.#fail(error));
  }

  /** Waits for what was added. Rejects with what went wrong. */
  async settle(): Promise<void> {
    await this.#writing;
    if (this.#failure !== null) throw this.#failure;
  }

  /** Closes the file once all is written. */
  async close(): Promise<void> {
    this.#begin(true);
    await this.#writing;
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }

  #fail(error: unknown): void {
    this.#failure ??= writeError(this.#path, error);
  }

  async #write(rows: readonly BadRow[]): Promise<void> {
    if (this.#failure !== null) return;
    const added = rows.filter((row) => !this.#known.has(keyOf(row)));
    if (added.length === 0) return;
    for (const row of added) this.#known.add(keyOf(row));
    const bytes = Buffer.from(added.map((row) => `${JSON.stringify(row)}\n`).join(''));
    await patiently(this.#path, async () => this.#append(bytes), this.#patience);
    this.#size += bytes.length;
  }

  #append(bytes: Uint8Array): void {
    this.#file ??= openSync(this.#path, APPEND);
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#file, bytes, done);
    } catch (error) {
      ftruncateSync(this.#file, this.#size);
      throw error;
    }
  }

  /** Knows the rows that are there, and cuts off what a killed run left half written. */
  async #read(): Promise<void> {
    this.#file = openSync(this.#path, APPEND);
    const bytes = readBytes(this.#path, 'device');
    for (let next = bytes.indexOf('\n') + 1; next > 0; next = bytes.indexOf('\n', next) + 1) {
      const row = parse(bytes.toString('utf8', this.#size, next));
      if (row === null) break;
      this.#known.add(keyOf(row));
      this.#size = next;
    }
    ftruncateSync(this.#file, this.#size);
  }
}

const keyOf = ({ file, line }: BadRow): string => `${line} ${file}`;

function parse(text: string): BadRow | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
