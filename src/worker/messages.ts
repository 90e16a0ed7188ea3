import type { DataOptions } from '../data/options.ts';
import type { Shape } from '../data/record.ts';
import type { Source } from '../data/source.ts';
import type { ErrorCode } from '../errors.ts';
import type { Documents } from './documents.ts';

/** Given to every worker when it starts. */
export interface EncodeSetup {
  options: DataOptions;
}

/** A source, and the shape that its rows have. */
export type TaskFile = Pick<Source, 'name' | 'path' | 'form'> & { shape: Shape };

/**
 * Rows to encode: row i is bytes [starts[i], ends[i]) of sources[files[i]], at line lines[i]; rows[i]
 * is its place among all rows of the files.
 */
export interface EncodeTask {
  sources: TaskFile[];
  rows: Uint32Array;
  files: Int32Array;
  starts: Float64Array;
  ends: Float64Array;
  lines: Float64Array;
}

/** What a worker answers: errors lose their code on the way between threads, so it is spelled out. */
export type EncodeAnswer = Documents | { failure: Failure };

export interface Failure {
  code: ErrorCode;
  message: string;
  /** The place among all rows of the one that it is about; null: none. */
  row: number | null;
}
