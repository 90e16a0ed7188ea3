import { crc32 } from 'node:zlib';
import { ignored } from './labels.ts';

/** ids and labels [n] of one row, or of a part of it. Labels are not shifted. */
export interface Document {
  ids: Int32Array;
  labels: Int32Array;
}

/** Why a row is bad; `line` counts from the row's own. */
export interface Fault {
  line: number;
  reason: string;
}

/**
 * What is known of documents without reading their tokens, a column each: `sizes` in words,
 * `lengths` in tokens; the first and the last trained label and how many there are, the label of
 * token 0 never counting; the checksum of the words.
 */
export interface Columns {
  sizes: Int32Array;
  lengths: Int32Array;
  firsts: Int32Array;
  lasts: Int32Array;
  trained: Int32Array;
  checks: Int32Array;
}

export const columnNames = ['sizes', 'lengths', 'firsts', 'lasts', 'trained', 'checks'] as const;

export function makeColumns(count: number): Columns {
  const column = () => new Int32Array(count);
  return {
    sizes: column(),
    lengths: column(),
    firsts: column(),
    lasts: column(),
    trained: column(),
    checks: column(),
  };
}

/**
 * Encoded rows: the words of all, one row after another, and their columns. A word is the id of a
 * token, with the top bit set where the token is its own label; a row with other labels (those
 * tokenized elsewhere may have them) has its ids and behind them its labels. A row of no tokens is a
 * bad one, and its words are the fault.
 */
export interface Documents {
  words: Int32Array;
  columns: Columns;
}

const topBit = 0x80000000 | 0;

/** Puts documents and faults into words and columns. */
export function storeDocuments(rows: readonly (Document | Fault)[]): Documents {
  const columns = makeColumns(rows.length);
  const stored = rows.map((row) => ('ids' in row ? row : faultWords(row)));
  let total = 0;
  stored.forEach((row, i) => {
    describe(row, columns, i);
    total += columns.sizes[i]!;
  });
  const words = new Int32Array(total);
  let at = 0;
  stored.forEach((row, i) => {
    const end = at + columns.sizes[i]!;
    if (row instanceof Int32Array) words.set(row, at);
    else {
      const { ids, labels } = row;
      words.set(ids, at);
      if (end - at > ids.length) words.set(labels, at + ids.length);
      else for (let t = 0; t < ids.length; t++) if (labels[t] !== ignored) words[at + t]! |= topBit;
    }
    columns.checks[i] = checksum(words.subarray(at, end));
    at = end;
  });
  return { words, columns };
}

/** A fault as text, filled up with spaces to whole words. */
function faultWords(fault: Fault): Int32Array {
  const bytes = Buffer.from(JSON.stringify(fault));
  const words = new Int32Array(Math.ceil(bytes.length / 4));
  Buffer.from(words.buffer).fill(' ').set(bytes);
  return words;
}

/** The fault that words hold. */
export function faultFrom({ buffer, byteOffset, byteLength }: Int32Array): Fault {
  return JSON.parse(Buffer.from(buffer, byteOffset, byteLength).toString());
}

/** Fills in the columns of row `i`, but for its checksum. */
function describe(row: Document | Int32Array, columns: Columns, i: number): void {
  if (row instanceof Int32Array) {
    columns.sizes[i] = row.length;
    columns.firsts[i] = -1;
    columns.lasts[i] = -1;
    return;
  }
  const { ids, labels } = row;
  let first = -1;
  let last = -1;
  let trained = 0;
  let own = true;
  for (let t = 0; t < labels.length; t++) {
    const label = labels[t]!;
    if (label === ignored) continue;
    if (label !== ids[t]) own = false;
    if (t === 0) continue;
    if (first < 0) first = t;
    last = t;
    trained++;
  }
  columns.sizes[i] = own ? ids.length : 2 * ids.length;
  columns.lengths[i] = ids.length;
  columns.firsts[i] = first;
  columns.lasts[i] = last;
  columns.trained[i] = trained;
}

/** CRC-32 of the bytes of words. */
export function checksum(words: Int32Array): number {
  return crc32(Buffer.from(words.buffer, words.byteOffset, words.byteLength)) | 0;
}

/** The document of the words of `length` tokens: all of a row's, or a part of those that have no labels. */
export function fromWords(words: Int32Array, length: number): Document {
  if (words.length > length) {
    return { ids: words.subarray(0, length), labels: words.subarray(length) };
  }
  const ids = new Int32Array(length);
  const labels = new Int32Array(length);
  for (let t = 0; t < length; t++) {
    const word = words[t]!;
    ids[t] = word & ~topBit;
    labels[t] = word < 0 ? word & ~topBit : ignored;
  }
  return { ids, labels };
}
