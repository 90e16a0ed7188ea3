import type { Accounting } from '../data/options.ts';
import type { RowReference, Skip } from './order.ts';

/** Rows of a run, all at once or window by window. */
export interface Data {
  /** The data files: as they are called, where their bytes lie, and their weights. */
  readonly sources: readonly { name: string; path: string; weight: number }[];
  /** Rows encoded by now, and rows of the files as far as they are known. */
  readonly progress: { read: number; available: number };
  /** Begins to encode. */
  start(): Promise<void>;
  /** Packed rows in the order of an epoch, but for the first `skip.rows`. */
  rows(epoch: number, skip: Skip): AsyncGenerator<RowReference>;
  /** What becomes of all rows. */
  accounting(): Promise<Accounting>;
  accountingSoFar(): Accounting;
  /** Takes what became of all rows in the epochs before, which are not gone through again. */
  goOn?(account: Accounting): void;
  /** Tokens of the longest row. */
  longest(): Promise<number>;
  close(): Promise<void>;
}
