import type { DataFile } from './files.ts';
import type { Formatting } from './formatting.ts';

export type { DataFile } from './files.ts';

/** What the data pipeline needs to know; a part of the training configuration, already checked. */
export interface DataOptions {
  /** Files in the order given, with their weights. */
  files: readonly DataFile[];
  /** Function that makes rows of what the files hold; null: they are rows. */
  formatting: Formatting | null;
  /** Directory that holds the tokenizer files. */
  tokenizerDir: string;
  /** Model's vocabulary size: ids beyond it are an error. */
  vocabularySize: number;
  /** Truncation length, or row length when packing; null: no truncation. */
  maxLength: number | null;
  truncationMode: 'keep_start' | 'keep_end';
  packing: false | 'bfd' | 'bfd_split' | 'wrapped';
  /** Rows of data that are packed together; null: all. */
  packedTogether: number | null;
  /** null: true where rows have prompt and completion. */
  completionOnlyLoss: boolean | null;
  /** null: true where rows are conversations (assistant turns trained, end of turn included). */
  assistantOnlyLoss: boolean | null;
  /** Roles whose turns are trained, unless a turn says otherwise by `train` or `weight`. */
  rolesToTrain: readonly string[];
  /** Only the last of these turns is trained. */
  maskHistory: boolean;
  /** Which ends of turns are trained: of each trained turn, of the last one, every EOS, or none. */
  trainOnEos: 'turn' | 'last' | 'all' | 'none';
  datasetTextField: string;
  /** Text of a Jinja template that replaces the tokenizer's own; null: the tokenizer's. */
  chatTemplate: string | null;
  sampling: 'random' | 'sequential' | 'group_by_length';
  seed: number;
  /** Packed rows (or documents, when not packing) in a micro-batch. */
  batchSize: number;
  /** Piscina threads. */
  workers: number;
  /**
   * Whether all rows will be wanted: then all are encoded without being asked for, and of several bad
   * rows the first in the files is named. Else they are encoded a little ahead of training.
   */
  readAll: boolean;
  /** Whether a bad row ends the run, or is left out and told. */
  onBadRow: 'error' | 'skip';
  /** Whether rows are read window by window, so that memory does not grow with the data. */
  streaming: boolean;
  /** Whether encoded rows are taken from earlier runs and left to later ones. */
  cache: boolean;
}

/** A row that is bad, and what it holds. */
export interface BadRow {
  file: string;
  line: number;
  reason: string;
  /** The beginning of what the file has there. */
  raw: string;
}

/** Is told of bad rows that are left out, of those of one block at a time, and of some again. */
export type Quarantine = (rows: Promise<BadRow[]>) => void;

/** Every row read is trained, left out by reason, or in quarantine. */
export interface Accounting {
  /** What each file gives to an epoch. */
  sources: SourceAccount[];
  /**
   * Rows of an epoch, the sum of `used`: more than `read` where max_steps, or an interrupt, came before
   * all were. null: a stream that was not read to its end.
   */
  available: number | null;
  read: number;
  trained: number;
  leftOut: { reason: string; count: number; examples: string[] }[];
  /** Bad rows, each as often as an epoch would use it, and what is wrong with the first. */
  quarantined: { count: number; examples: string[] };
  truncated: number;
  /** Tokens of the rows read, and how many of them are trained on, in one epoch. */
  tokens: number;
  trainedTokens: number;
  /** Packed rows (or documents when not packing) in one epoch, and their fill from 0 to 1. */
  rows: number;
  fill: number;
}

/** A file's `rows`, and how many of them an epoch uses at the file's weight, repeats counted. */
export interface SourceAccount {
  file: string;
  rows: number;
  weight: number;
  used: number;
}

/** One row as `inspect --json` prints it. `spans`: [start, end, trained] by code point. */
export interface InspectedRow {
  index: number;
  input_ids: number[];
  labels: number[];
  text: string;
  spans: [number, number, boolean][];
  truncated: boolean;
  dropped: string | null;
  source: { file: string; line: number };
}
