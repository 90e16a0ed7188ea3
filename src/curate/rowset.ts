import { type DataFile, listFiles } from '../data/files.ts';
import { noneGood, shapeOfRows } from '../data/fileshape.ts';
import { type Formatter, loadFormatter } from '../data/formatting.ts';
import { RowProblem } from '../data/problem.ts';
import { RowReader } from '../data/reader.ts';
import {
  checkShape,
  type DataRecord,
  type Place,
  type Shape,
  toRecord,
  writtenShape,
} from '../data/record.ts';
import type { RowRange } from '../data/rows.ts';
import type { Row } from '../data/shape.ts';
import { openSource, type Source } from '../data/source.ts';
import { Spool } from '../data/spool.ts';
import { AttuneError, RowError } from '../errors.ts';
import { type By, columnText, isPart, rowText } from './rowtext.ts';

/** Which rows are read, and how. */
export interface RowOptions {
  /** Files, directories, or `-`: whatever training reads, without weights. */
  files: readonly DataFile[];
  /** What of a row is looked at (default: all of it). */
  by?: By;
  /** Column of plain text (default: text). */
  datasetTextField?: string;
  /** MODULE#EXPORT of a function that makes rows of what the files hold; what is written are the rows as they were read. */
  formattingFunc?: string | null;
  /** Whether a row that cannot be read or understood is the end (default), or is left out. */
  onBadRow?: 'error' | 'skip';
  signal?: AbortSignal;
}

/** A row that is left out because it is bad. */
export interface BadRow extends Place {
  isContext: boolean;
  reason: string;
}

/** Files that are read at a time. */
const mostOpen = 32;

/**
 * The rows of files as one list, by number; any row can be read at any time. Rows of `context`, if
 * any, come first: they are compared with, and not among those that are kept or left. Bad rows, where
 * they are left out, have no number.
 */
export class RowSet {
  length: number;
  /** Number of the first row that is not of the context. */
  first: number;
  /** In the order of the files. */
  readonly bad: BadRow[] = [];
  /** Places of the rows that have a number; null: all have. */
  private good: Uint32Array | null = null;
  readonly by: By;
  private readonly firsts: number[] = [0];
  private readonly readers = new Map<number, RowReader>();
  private readonly shapes: (Shape | undefined)[] = [];

  private constructor(
    readonly sources: readonly Source[],
    contextFiles: number,
    private readonly format: Formatter,
    private readonly options: RowOptions,
    private readonly spool: Spool,
  ) {
    let total = 0;
    for (const { rows } of sources) {
      total += rows.length;
      this.firsts.push(total);
    }
    this.length = total;
    this.first = this.firsts[contextFiles] as number;
    this.by = options.by ?? 'all';
  }

  /** Indexes the files. Rejects with `data` or `config`. */
  static async open(options: RowOptions, context: readonly DataFile[] = []): Promise<RowSet> {
    const textField = options.datasetTextField ?? 'text';
    const format = await loadFormatter(options.formattingFunc ?? null, textField);
    if (options.files.length === 0) throw new AttuneError('config', 'no files are given');
    const [before, files] = [listFiles(context), listFiles(options.files)];
    const spool = new Spool();
    try {
      const sources: Source[] = [];
      for (const file of [...before, ...files]) {
        if (file.weight !== 1) {
          throw new AttuneError('config', `${file.path}: weights are for training, not here`);
        }
        sources.push(await openSource(file, spool, options.onBadRow === 'skip'));
      }
      const rows = new RowSet(sources, before.length, format, options, spool);
      if (options.onBadRow === 'skip') await rows.leaveBadOut();
      return rows;
    } catch (error) {
      spool.close();
      throw error;
    }
  }

  /** The files that rows come from, the context's first, and how many each has. */
  get files(): { file: string; rows: number }[] {
    return this.sources.map(({ name, rows }) => ({ file: name, rows: rows.length }));
  }

  place(row: number): Place {
    const [source, range] = this.locate(row);
    return { file: source.name, line: range.line };
  }

  /** The value of a row, as its file holds it or as the formatting function made it. */
  value(row: number): unknown {
    const [source, range, index] = this.locate(row);
    const value = this.reader(index).read(range);
    return this.format(value, { file: source.name, line: range.line });
  }

  /** A row as training understands it. Throws `data` where it does not, or the file is mixed. */
  record(row: number, value = this.value(row)): DataRecord {
    const [, , index] = this.locate(row);
    const place = this.place(row);
    const record = toRecord(value, this.options.datasetTextField ?? 'text', place);
    this.shapes[index] ??= writtenShape(record);
    checkShape(record, this.shapes[index], place);
    return record;
  }

  /** The text of a row that is looked at. */
  text(row: number, by = this.by): string {
    const value = this.value(row);
    return this.explain(row, () =>
      isPart(by) ? rowText(this.record(row, value), value as Row, by) : columnText(value, by),
    );
  }

  /** Runs a function that may throw RowProblem, which becomes an error of that row. */
  explain<T>(row: number, run: () => T): T {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof RowProblem)) throw error;
      const { file, line } = this.place(row);
      throw new RowError(file, line, error.message);
    }
  }

  /** A row as one line of JSON, spelled as it was read; only line breaks inside it go. */
  line(row: number): string {
    const [source, range, index] = this.locate(row);
    const text = this.reader(index).text(range);
    if (source.form === 'text') return JSON.stringify({ text: text.replace(/\r$/, '') });
    // Strings of JSON hold no line breaks, so each of them stands between two tokens.
    return text.trim().replace(/[ \t]*[\r\n]+[ \t]*/g, ' ');
  }

  /** Reads every row, and takes the number from those that are bad. Rejects with `data` for a file without another. */
  private async leaveBadOut(): Promise<void> {
    const { sources, first, firsts, format } = this;
    const options = {
      datasetTextField: this.options.datasetTextField ?? 'text',
      onBadRow: 'skip',
    } as const;
    const good = new Uint32Array(this.length);
    let count = 0;
    let contextBad = 0;
    for (const [index, source] of sources.entries()) {
      const before = count;
      if (isPart(this.by)) {
        const shape = shapeOfRows(source, options, format);
        if (shape instanceof RowError) throw noneGood(shape);
        this.shapes[index] = shape;
      }
      for (let row = firsts[index]!; row < firsts[index + 1]!; row++) {
        if ((row & 1023) === 0) await breathe(this.options.signal);
        const error = this.problemOf(row);
        if (error === null) good[count++] = row;
        else {
          const { file, line, reason } = error;
          this.bad.push({ file, line, reason, isContext: row < first });
          if (row < first) contextBad++;
        }
      }
      const { reason = '', line = 0 } = this.bad.at(-1) ?? {};
      if (count === before) throw noneGood(new RowError(source.name, line, reason));
    }
    this.good = good.slice(0, count);
    this.length = count;
    this.first -= contextBad;
  }

  private problemOf(row: number): RowError | null {
    try {
      this.text(row);
      return null;
    } catch (error) {
      if (error instanceof RowError) return error;
      throw error;
    }
  }

  /** Closes the files and removes temporary ones. Idempotent. */
  close(): void {
    for (const reader of this.readers.values()) reader.close();
    this.readers.clear();
    this.spool.close();
  }

  private locate(number: number): [Source, RowRange, number] {
    const row = this.good?.[number] ?? number;
    let [low, high] = [0, this.sources.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.firsts[middle] as number) <= row) low = middle;
      else high = middle - 1;
    }
    const source = this.sources[low] as Source;
    return [source, source.rows.at(row - (this.firsts[low] as number)), low];
  }

  private reader(index: number): RowReader {
    let reader = this.readers.get(index);
    if (reader === undefined) {
      for (const [other, open] of this.readers) {
        if (this.readers.size < mostOpen) break;
        open.close();
        this.readers.delete(other);
      }
      reader = new RowReader(this.sources[index] as Source);
      this.readers.set(index, reader);
    }
    return reader;
  }
}

/** Lets the event loop run, so that an interrupt is seen. Rejects with `aborted`. */
export async function breathe(signal: AbortSignal | undefined): Promise<void> {
  await new Promise(setImmediate);
  if (signal?.aborted) throw new AttuneError('aborted', 'interrupted; nothing was written');
}
