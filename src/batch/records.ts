import { listFiles } from '../data/files.ts';
import { type Formatter, loadFormatter } from '../data/formatting.ts';
import type { DataOptions, SourceAccount } from '../data/options.ts';
import { RowReader } from '../data/reader.ts';
import { type Place, type Shape, toRecord, writtenShape } from '../data/record.ts';
import type { RowRange } from '../data/rows.ts';
import { openSource, type Source } from '../data/source.ts';
import { Spool } from '../data/spool.ts';
import type { BlockTask, TaskFile } from '../worker/messages.ts';
import { drawRows, usedRows } from './mixture.ts';

type RecordOptions = Pick<DataOptions, 'files' | 'datasetTextField' | 'formatting' | 'seed'>;

/** A row as it was read and formatted. */
export interface ReadRow {
  /** Place among all rows of the files. */
  index: number;
  value: unknown;
  shape: Shape;
  place: Place;
  /** How often it is used in an epoch. */
  uses: number;
}

/**
 * The rows of all data files as one list, in the order of the files: each as often as the weight of
 * its file says.
 */
export class Records {
  readonly length: number;
  /** The shape of each file's first row; every other row must have it too. */
  readonly shapes: Shape[];
  /** Index of each source's first row among all rows of the files, and their number. */
  private readonly firsts: number[] = [0];
  /** Which of all rows each record is; null: every row once. */
  private readonly drawn: Uint32Array | null;

  private constructor(
    readonly sources: readonly Source[],
    private readonly options: RecordOptions,
    private readonly format: Formatter,
    private readonly spool: Spool,
  ) {
    for (const { rows } of sources) this.firsts.push(this.total + rows.length);
    this.drawn = drawRows(sources, options.seed);
    this.length = this.drawn?.length ?? this.total;
    this.shapes = sources.map((source) => this.firstShape(source));
  }

  /** Indexes the files. Rejects with `data`, as openSource does, or where a first row is not understood. */
  static async open(options: RecordOptions): Promise<Records> {
    const format = await loadFormatter(options.formatting, options.datasetTextField);
    const spool = new Spool();
    try {
      const sources: Source[] = [];
      for (const file of listFiles(options.files)) sources.push(await openSource(file, spool));
      return new Records(sources, options, format, spool);
    } catch (error) {
      spool.close();
      throw error;
    }
  }

  /** The sources as workers open them. */
  get files(): TaskFile[] {
    return this.sources.map(({ name, path, form }, i) => ({
      name,
      path,
      form,
      shape: this.shapes[i] as Shape,
    }));
  }

  /** Rows of each file, and how many are used in an epoch. */
  get accounts(): SourceAccount[] {
    return this.sources.map(({ name: file, rows: { length: rows }, weight }) => ({
      file,
      rows,
      weight,
      used: usedRows(rows, weight),
    }));
  }

  /** The records with these indices, as a worker reads them. */
  task(indices: Uint32Array): BlockTask {
    return this.rowsTask(this.drawn ? indices.map((index) => this.drawn?.[index] ?? 0) : indices);
  }

  /** Rows of the files by their place among all of them, as a worker reads them. */
  rowsTask(rows: Uint32Array): BlockTask {
    const count = rows.length;
    const task: BlockTask = {
      rows,
      files: new Int32Array(count),
      starts: new Float64Array(count),
      ends: new Float64Array(count),
      lines: new Float64Array(count),
    };
    rows.forEach((row, i) => {
      const file = this.fileOf(row);
      const range = this.sources[file]?.rows.at(row - (this.firsts[file] ?? 0));
      task.files[i] = file;
      task.starts[i] = range?.start ?? 0;
      task.ends[i] = range?.end ?? 0;
      task.lines[i] = range?.line ?? 0;
    });
    return task;
  }

  /** Reads every `every`th row of the files in order, used or not. Throws `data` for one that cannot be read. */
  *read(every = 1): Generator<ReadRow> {
    const uses = this.drawn && new Uint32Array(this.total);
    for (const row of this.drawn ?? []) if (uses) uses[row] = (uses[row] ?? 0) + 1;
    let row = 0;
    for (const [index, source] of this.sources.entries()) {
      const reader = new RowReader(source);
      try {
        for (let i = 0; i < source.rows.length; i++, row++) {
          if (row % every !== 0) continue;
          const range: RowRange = source.rows.at(i);
          const place = { file: source.name, line: range.line };
          const value = this.format(reader.read(range), place);
          const shape = this.shapes[index] as Shape;
          yield { index: row, value, shape, place, uses: uses?.[row] ?? 1 };
        }
      } finally {
        reader.close();
      }
    }
  }

  /** Removes temporary files. Idempotent. */
  close(): void {
    this.spool.close();
  }

  private get total(): number {
    return this.firsts.at(-1) ?? 0;
  }

  private fileOf(row: number): number {
    let file = this.sources.length - 1;
    while ((this.firsts[file] ?? 0) > row) file--;
    return file;
  }

  private firstShape(source: Source): Shape {
    const reader = new RowReader(source);
    try {
      const range = source.rows.at(0);
      const place = { file: source.name, line: range.line };
      const value = this.format(reader.read(range), place);
      return writtenShape(toRecord(value, this.options.datasetTextField, place));
    } finally {
      reader.close();
    }
  }
}
