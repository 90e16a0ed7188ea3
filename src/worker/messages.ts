import type { DataOptions } from '../data/options.ts';
import type { Shape } from '../data/record.ts';
import type { Source } from '../data/source.ts';
import type { ErrorCode } from '../errors.ts';

/** Given to every worker when it starts. */
export interface EncodeSetup {
  options: DataOptions;
  files: TaskFile[];
}

/** A source, and the shape that its rows have. */
export type TaskFile = Pick<Source, 'name' | 'path' | 'form'> & { shape: Shape };

/**
 * Rows to encode: row i is bytes [starts[i], ends[i]) of file files[i], at line lines[i]; rows[i] is
 * its place among all rows of the files.
 */
export interface BlockTask {
  rows: Uint32Array;
  files: Int32Array;
  starts: Float64Array;
  ends: Float64Array;
  lines: Float64Array;
}

/**
 * A block of encoded rows. Piece p is ids and labels [pieces[p], pieces[p + 1]), part of one
 * document; packed row r is the pieces [rows[r], rows[r + 1]). Labels are not shifted.
 */
export interface Block {
  ids: Int32Array;
  labels: Int32Array;
  pieces: Int32Array;
  rows: Int32Array;
  counts: BlockCounts;
}

/** Rows of data, not packed ones: read = trained + left out. */
export interface BlockCounts {
  read: number;
  trained: number;
  /** Trained, but with tokens cut off. */
  truncated: number;
  leftOut: { reason: string; count: number; examples: string[] }[];
}

/** What a worker answers: errors lose their code on the way between threads, so it is spelled out. */
export type BlockAnswer = Block | { failure: Failure };

export interface Failure {
  code: ErrorCode;
  message: string;
  /** The place among all rows of the one that it is about; null: none. */
  row: number | null;
}
