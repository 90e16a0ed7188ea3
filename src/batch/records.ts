import type { DataOptions } from '../data/options.ts';
import { RowReader } from '../data/reader.ts';
import { checkShape, type Place, type Shape, toRecord } from '../data/record.ts';
import type { RowRange } from '../data/rows.ts';
import { openSource, type Source } from '../data/source.ts';
import type { BlockTask } from '../worker/messages.ts';

/** The rows of all data files as one list, in the order of the files. */
export class Records {
  readonly length: number;
  /** The shape of each file's first row; every other row must have it too. */
  readonly shapes: Shape[];
  /** Index of each file's first row. */
  private readonly firsts: number[] = [];

  private constructor(
    readonly sources: Source[],
    private readonly textField: string,
  ) {
    let length = 0;
    for (const { rows } of sources) {
      this.firsts.push(length);
      length += rows.length;
    }
    this.length = length;
    this.shapes = sources.map((source) => firstShape(source, textField));
  }

  /** Indexes the files. Throws `data`, as openSource does, or where a first row is not understood. */
  static open(options: Pick<DataOptions, 'files' | 'datasetTextField'>): Records {
    return new Records(options.files.map(openSource), options.datasetTextField);
  }

  /** The rows with these indices, as a worker reads them. */
  task(indices: Uint32Array): BlockTask {
    const count = indices.length;
    const task: BlockTask = {
      files: new Int32Array(count),
      starts: new Float64Array(count),
      ends: new Float64Array(count),
      lines: new Float64Array(count),
    };
    indices.forEach((index, i) => {
      const file = this.fileOf(index);
      const range = this.sources[file]?.rows.at(index - (this.firsts[file] ?? 0));
      task.files[i] = file;
      task.starts[i] = range?.start ?? 0;
      task.ends[i] = range?.end ?? 0;
      task.lines[i] = range?.line ?? 0;
    });
    return task;
  }

  /** Reads every row in order. Throws `data` for one that cannot be parsed. */
  *read(): Generator<{ value: unknown; shape: Shape; place: Place }> {
    for (const [index, { file, rows }] of this.sources.entries()) {
      const reader = new RowReader(file);
      try {
        for (let i = 0; i < rows.length; i++) {
          const range: RowRange = rows.at(i);
          const place = { file, line: range.line };
          yield { value: reader.read(range), shape: this.shapes[index] as Shape, place };
        }
      } finally {
        reader.close();
      }
    }
  }

  /** Throws the first error that reading and checking rows in order meets, if there is one. */
  check(): void {
    for (const { value, shape, place } of this.read()) {
      checkShape(toRecord(value, this.textField, place), shape, place);
    }
  }

  private fileOf(index: number): number {
    let file = this.firsts.length - 1;
    while ((this.firsts[file] ?? 0) > index) file--;
    return file;
  }
}

function firstShape({ file, rows }: Source, textField: string): Shape {
  const reader = new RowReader(file);
  try {
    const range = rows.at(0);
    return toRecord(reader.read(range), textField, { file, line: range.line }).shape;
  } finally {
    reader.close();
  }
}
