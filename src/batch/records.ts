import type { ChunkSource } from '../data/chunks.ts';
import { listFiles } from '../data/files.ts';
import { fileShape, type ShapeOptions } from '../data/fileshape.ts';
import { type Formatter, loadFormatter } from '../data/formatting.ts';
import type { BadRow, DataOptions, SourceAccount } from '../data/options.ts';
import { RowReader } from '../data/reader.ts';
import type { Place, Shape } from '../data/record.ts';
import type { RowRange } from '../data/rows.ts';
import { openSource, type Source } from '../data/source.ts';
import type { Spool } from '../data/spool.ts';
import type { Fault } from '../worker/documents.ts';
import { type RowFault, TaskFault } from '../worker/fault.ts';
import type { EncodeTask, TaskFile } from '../worker/messages.ts';
import { drawRows, usedRows } from './mixture.ts';
import { permutation, purpose } from './random.ts';
import type { BadPlace } from './section.ts';

type RecordOptions = ShapeOptions & Pick<DataOptions, 'files' | 'formatting' | 'seed'>;

/** Bytes of a bad row that are shown. */
const mostRaw = 1000;
type OrderOptions = Pick<DataOptions, 'sampling' | 'seed'>;

/** A row that is read and formatted by `value`, which throws RowError where it cannot be. */
export interface ReadRow {
  /** Place among all rows of the files. */
  index: number;
  value: () => unknown;
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
  /** Index of each source's first row among all rows of the files, and their number. */
  private readonly firsts: number[] = [0];

  /**
   * `shapes`: of each source's first row; every other row must have it too. `drawn`: which of all rows
   * each record is; null: every row once.
   */
  constructor(
    readonly sources: readonly (Source & Partial<ChunkSource>)[],
    readonly shapes: readonly Shape[],
    private readonly drawn: Uint32Array | null,
    private readonly format: Formatter,
    private readonly countLines: (source: number, end: number) => Promise<number> = async () => 0,
  ) {
    for (const { rows } of sources) this.firsts.push(this.total + rows.length);
    this.length = drawn?.length ?? this.total;
  }

  /** Indexes the files. Rejects with `data`, as openSource does, or where a first row is not understood. */
  static async open(options: RecordOptions, spool: Spool): Promise<Records> {
    const format = await loadFormatter(options.formatting, options.datasetTextField);
    const sources: Source[] = [];
    const skips = options.onBadRow === 'skip';
    for (const file of listFiles(options.files)) sources.push(await openSource(file, spool, skips));
    const parts = sources.map(({ rows: { length: count }, weight }, key) => ({
      count,
      used: usedRows(count, weight),
      key,
    }));
    const shapes = sources.map((source) => fileShape(source, options, format));
    return new Records(sources, shapes, drawRows(parts, options.seed), format);
  }

  /** The sources as workers open them. */
  get files(): TaskFile[] {
    return this.sources.map((_, source) => this.taskFile(source));
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

  /** The rows of an epoch as places among all rows: shuffled by the seed and `key`, or in file order. */
  order({ sampling, seed }: OrderOptions, ...key: number[]): Uint32Array {
    const { length, drawn } = this;
    if (sampling === 'random') {
      const order = permutation(length, purpose.records, seed, ...key);
      return drawn === null ? order : order.map((index) => drawn[index]!);
    }
    return drawn ?? Uint32Array.from({ length }, (_, index) => index);
  }

  /** Rows by their place among all of them, as a worker reads them. */
  task(rows: Uint32Array): EncodeTask {
    const count = rows.length;
    const task: EncodeTask = {
      sources: [],
      rows,
      files: new Int32Array(count),
      starts: new Float64Array(count),
      ends: new Float64Array(count),
      lines: new Float64Array(count),
    };
    const named = new Map<number, number>();
    for (let i = 0; i < count; i++) {
      const { source, range } = this.find(rows[i]!);
      if (!named.has(source)) {
        named.set(source, task.sources.length);
        task.sources.push(this.taskFile(source));
      }
      task.files[i] = named.get(source)!;
      task.starts[i] = range.start;
      task.ends[i] = range.end;
      task.lines[i] = this.lineOf(source, range);
    }
    return task;
  }

  /** Bytes of a row. */
  bytes(row: number): number {
    const { range } = this.find(row);
    return range.end - range.start;
  }

  /** FILE:LINE of a row, or of a line below it; its byte where nobody counted lines. */
  place(row: number, below = 0): string {
    const { source, range } = this.find(row);
    const line = this.lineOf(source, range);
    const { name } = this.sources[source]!;
    return Number.isNaN(line) ? `${name} (byte ${range.start})` : `${name}:${line + below}`;
  }

  /** What is wrong with a bad row, and where. */
  faultText(row: number, { line, reason }: Fault): string {
    return `${this.place(row, line)}: ${reason}`;
  }

  /** Bad rows as people are shown them; lines are counted now where they were not before. */
  async badRows(rows: readonly BadPlace[]): Promise<BadRow[]> {
    const found: BadRow[] = [];
    for (const { row, fault } of rows) found.push(await this.badRow(row, fault));
    return found;
  }

  private async badRow(row: number, { line: below, reason }: Fault): Promise<BadRow> {
    const { source, range } = this.find(row);
    const line = await this.line(row);
    const reader = new RowReader(this.sources[source]!);
    try {
      const { name: file } = this.sources[source]!;
      return { file, line: line + below, reason, raw: reader.shown(range, mostRaw) };
    } finally {
      reader.close();
    }
  }

  /** The error of a bad row, or of a task, with lines that are counted now where they were not before. */
  async explain(
    error: RowFault | TaskFault,
    run: (task: EncodeTask) => Promise<unknown>,
  ): Promise<Error> {
    if (error instanceof TaskFault) {
      const { task, reason, cause } = error;
      for (const i of [0, task.rows.length - 1]) task.lines[i] = await this.line(task.rows[i]!);
      return new TaskFault(task, reason, { cause });
    }
    const { source, range } = this.find(error.row);
    if (!Number.isNaN(this.lineOf(source, range))) return error;
    const task = this.task(Uint32Array.of(error.row));
    task.lines[0] = await this.line(error.row);
    return run(task).then(
      () => error,
      (same: Error) => same,
    );
  }

  /** Every `every`th row of the files in order, used or not; each is to be read before the next. */
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
          const value = () => this.format(reader.read(range), place);
          const shape = this.shapes[index] as Shape;
          yield { index: row, value, shape, place, uses: uses?.[row] ?? 1 };
        }
      } finally {
        reader.close();
      }
    }
  }

  /** Rows of the files. */
  get total(): number {
    return this.firsts.at(-1) ?? 0;
  }

  private find(row: number): { source: number; range: RowRange } {
    let low = 0;
    let high = this.sources.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.firsts[middle]! <= row) low = middle;
      else high = middle - 1;
    }
    return { source: low, range: this.sources[low]!.rows.at(row - this.firsts[low]!) };
  }

  private taskFile(source: number): TaskFile {
    const { name, path, form } = this.sources[source]!;
    return { name, path, form, shape: this.shapes[source]! };
  }

  /** The line of a row, counted where it is not known. */
  private async line(row: number): Promise<number> {
    const { source, range } = this.find(row);
    const known = this.lineOf(source, range);
    return Number.isNaN(known) ? 1 + (await this.countLines(source, range.start)) : known;
  }

  /** NaN where nobody counted. */
  private lineOf(source: number, { line }: RowRange): number {
    const { linesBefore = 0 } = this.sources[source]!;
    return linesBefore === null ? Number.NaN : linesBefore + line;
  }
}
