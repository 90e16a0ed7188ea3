import { crc32 } from 'node:zlib';
import { countTrained, ignored } from './labels.ts';

/** ids and labels [n] of one row, or of a part of it. Labels are not shifted. */
export interface Document {
  ids: Int32Array;
  labels: Int32Array;
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
 * tokenized elsewhere may have them) has its ids and behind them its labels.
 */
export interface Documents {
  words: Int32Array;
  columns: Columns;
}

const topBit = 0x80000000 | 0;

/** Puts documents into words and columns. */
export function storeDocuments(documents: readonly Document[]): Documents {
  const parts = documents.map(toWords);
  const words = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  const columns = makeColumns(documents.length);
  let at = 0;
  documents.forEach(({ labels }, i) => {
    const part = parts[i]!;
    words.set(part, at);
    at += part.length;
    columns.sizes[i] = part.length;
    columns.lengths[i] = labels.length;
    columns.firsts[i] = labels.findIndex((label, t) => t > 0 && label !== ignored);
    columns.lasts[i] = labels.findLastIndex((label, t) => t > 0 && label !== ignored);
    columns.trained[i] = countTrained(labels);
    columns.checks[i] = checksum(part);
  });
  return { words, columns };
}

/** CRC-32 of the bytes of words. */
export function checksum(words: Int32Array): number {
  return crc32(Buffer.from(words.buffer, words.byteOffset, words.byteLength)) | 0;
}

function toWords({ ids, labels }: Document): Int32Array {
  if (!labels.every((label, i) => label === ignored || label === ids[i])) {
    const both = new Int32Array(2 * ids.length);
    both.set(ids);
    both.set(labels, ids.length);
    return both;
  }
  return ids.map((id, i) => (labels[i] === ignored ? id : id | topBit));
}

/** Tokens [start, end) of a row of `length` tokens from its words, or from those of tokens [from, …) alone. */
export function fromWords(words: Int32Array, length: number): Document {
  if (words.length > length) {
    return { ids: words.subarray(0, length), labels: words.subarray(length) };
  }
  return {
    ids: words.map((word) => word & ~topBit),
    labels: words.map((word) => (word < 0 ? word & ~topBit : ignored)),
  };
}
