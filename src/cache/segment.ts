import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { readFullSync } from '../read.ts';
import { type Columns, columnNames, makeColumns } from '../worker/documents.ts';
import { FileLog } from './log.ts';

/**
 * A file of encoded rows. After the words stand, a column each, the rows' places and what is known of
 * them, then the footer: magic, version, rows, words (low and high), checksum of the columns, checksum
 * of all that. Numbers are of 32 bits, in the byte order of the machine.
 */
export interface Segment {
  log: FileLog;
  /** Places among all rows, in the order of their words. */
  rows: Uint32Array;
  columns: Columns;
}

const magic = 0x61747475;
const version = 1;
const footerWords = 7;
const rowWords = 1 + columnNames.length;

/** Ends a log with the index that makes it a segment. */
export function writeIndex({ log, rows, columns }: Segment): void {
  const count = rows.length;
  const tail = new Int32Array(count * rowWords + footerWords);
  tail.set(rows);
  columnNames.forEach((name, i) => {
    tail.set(columns[name], (i + 1) * count);
  });
  const footer = tail.subarray(count * rowWords);
  const [low, high] = [log.size % 2 ** 32, Math.floor(log.size / 2 ** 32)];
  footer.set([magic, version, count, low, high, sum(tail.subarray(0, count * rowWords))]);
  footer[6] = sum(footer.subarray(0, 6));
  const handle = openSync(log.path, 'r+');
  try {
    const bytes = bytesOf(tail);
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(handle, bytes, done, bytes.length - done, log.size * 4 + done);
    }
  } finally {
    closeSync(handle);
  }
}

/** Opens a segment; null where it is not whole. Its words are not looked at. */
export function openSegment(path: string): Segment | null {
  const handle = openSync(path, 'r');
  try {
    const { size } = fstatSync(handle);
    const read = (position: number, count: number) => readWords(path, handle, position, count);
    const footer = read(size - footerWords * 4, footerWords);
    const [first, second, count = 0, low = 0, high = 0, check] = footer;
    if (first !== magic || second !== version || footer[6] !== sum(footer.subarray(0, 6)))
      return null;
    const words = (low >>> 0) + high * 2 ** 32;
    if (count < 0 || size !== 4 * (words + count * rowWords + footerWords)) return null;
    const index = read(words * 4, count * rowWords);
    if (sum(index) !== check) return null;
    const column = (i: number) => index.subarray(i * count, (i + 1) * count);
    const columns = makeColumns(0);
    columnNames.forEach((name, i) => {
      columns[name] = column(i + 1);
    });
    return { log: new FileLog(path, words), rows: new Uint32Array(column(0)), columns };
  } catch {
    return null;
  } finally {
    closeSync(handle);
  }
}

function readWords(name: string, handle: number, position: number, count: number): Int32Array {
  const words = new Int32Array(count);
  const read = readFullSync(handle, bytesOf(words), position, { name, code: 'data' });
  if (read < words.byteLength) throw new RangeError(`${name} is too short`);
  return words;
}

function sum(words: Int32Array): number {
  return crc32(bytesOf(words)) | 0;
}

function bytesOf(words: Int32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
