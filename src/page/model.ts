/** Columns of a data page: one value a row of the page. Wider types first, so that all are aligned. */
export const COLUMNS = {
  /** Place among all rows of the files of its kind, and its line. */
  index: Uint32Array,
  line: Uint32Array,
  /** Tokens as trained, those of them that are trained, and tokens before truncation. */
  tokens: Uint32Array,
  trained: Uint32Array,
  whole: Uint32Array,
  /** Row of the page that this one repeats, plus 1; 0: none. */
  repeats: Uint32Array,
  /** Mean loss of the trained tokens, nats, and the largest; NaN where not computed. */
  loss: Float32Array,
  worst: Float32Array,
  source: Uint16Array,
  /** Place in `reasons`, plus 1; 0: not left out. */
  reason: Uint8Array,
  flags: Uint8Array,
  /** Jaccard similarity to the row that is repeated, per cent. */
  similarity: Uint8Array,
} as const;

export type ColumnName = keyof typeof COLUMNS;
export type Columns = { [K in ColumnName]: InstanceType<(typeof COLUMNS)[K]> };

/** Bits of the column `flags`. */
export const FLAGS = {
  truncated: 1,
  leftOut: 2,
  /** One of a group of equal rows; of nearly equal ones. */
  exact: 4,
  near: 8,
  /** In the training data and in the evaluation data, or nearly. */
  leak: 16,
} as const;

export interface PageSource {
  file: string;
  role: 'train' | 'eval';
  rows: number;
  weight: number;
  /** Rows of an epoch. */
  used: number;
}

/** A setting that is not at its default. */
export interface PageSetting {
  name: string;
  value: string;
  fallback: string;
}

/** What one way of packing makes of the rows of the page. */
export interface PackingChoice {
  name: string;
  chosen: boolean;
  rows: number;
  /** From 0 to 1. */
  fill: number;
  tokens: number;
  /** Tokens that truncation cuts off. */
  lost: number;
}

export interface PageCost {
  steps: number;
  epochs: number;
  /** Of the whole run. */
  tokens: number;
  trainedTokens: number;
  /** Parameters of the model, and floating-point operations of the run. */
  parameters: number;
  flops: number;
  /** null: not known. `from` says how it was found. */
  tokensPerSecond: number | null;
  from: string;
}

/** What became of the rows of an epoch, of all files together: `Accounting`, but for the files. */
export interface PageAccount {
  available: number;
  read: number;
  trained: number;
  leftOut: { reason: string; count: number; examples: string[] }[];
  quarantined: { count: number; examples: string[] };
  truncated: number;
  tokens: number;
  trainedTokens: number;
  rows: number;
  fill: number;
}

/** A data page but for its rows. */
export interface DataPage {
  title: string;
  version: string;
  /** ISO 8601. */
  made: string;
  model: string;
  settings: PageSetting[];
  sources: PageSource[];
  /** Rows of the files, every how many of them one is in the page, and those. */
  available: number;
  every: number;
  rows: number;
  account: PageAccount;
  maxLength: number | null;
  reasons: string[];
  /** Text of tokens that stand for no text of the row, by id. */
  names: Record<number, string>;
  packing: PackingChoice[];
  /** Rows of the chosen packing by fill, in equal bins from 0 to 1. */
  fills: number[];
  cost: PageCost;
  /** Least similarity of near-duplicates, and rows that were not compared with all candidates. */
  duplicates: { threshold: number; cut: number };
  /** Whose losses the rows have; null: none were computed. */
  lossesOf: string | null;
  /** First row of each chunk. */
  chunks: number[];
}

/** Bytes of all columns, in the order of the table. */
export function joinColumns(columns: Columns): Uint8Array<ArrayBuffer> {
  const parts = (Object.keys(COLUMNS) as ColumnName[]).map((name) => columns[name]);
  const bytes = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const { buffer, byteOffset, byteLength } of parts) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return bytes;
}

export function splitColumns(bytes: Uint8Array<ArrayBuffer>, rows: number): Columns {
  let at = bytes.byteOffset;
  const entries = (Object.keys(COLUMNS) as ColumnName[]).map((name) => {
    const Type = COLUMNS[name];
    const values = new Type(bytes.buffer, at, rows);
    at += values.byteLength;
    return [name, values];
  });
  return Object.fromEntries(entries) as Columns;
}
