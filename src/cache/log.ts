import { closeSync, openSync, writeSync } from 'node:fs';
import { AttuneError } from '../errors.ts';
import { readFullSync } from '../read.ts';

/** Words of documents, one behind another. Offsets and sizes are in words. */
export interface WordLog {
  /** Adds words; returns their offset. */
  append(words: Int32Array): number;
  /** Words [offset, offset + size). Throws where there are none. */
  read(offset: number, size: number): Int32Array;
  close(): void;
}

const wordBytes = 4;

/** In a file: positional reads, which the page cache serves. */
export class FileLog implements WordLog {
  private readonly handle: number;
  private length = 0;

  /** `words`: how many the file begins with; null: a new file. */
  constructor(
    readonly path: string,
    words: number | null = null,
  ) {
    this.handle = openSync(path, words === null ? 'w+' : 'r');
    this.length = words ?? 0;
  }

  get size(): number {
    return this.length;
  }

  append(words: Int32Array): number {
    const offset = this.length;
    const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    try {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.handle, bytes, done, bytes.length - done, offset * wordBytes + done);
      }
    } catch (cause) {
      const { message } = cause as Error;
      throw new AttuneError(
        'data',
        `${this.path}: no room for encoded rows (ATTUNE_CACHE says where they go; dataset_streaming keeps none): ${message}`,
        { cause },
      );
    }
    this.length += words.length;
    return offset;
  }

  read(offset: number, size: number): Int32Array {
    const words = new Int32Array(size);
    const bytes = new Uint8Array(words.buffer);
    const position = offset * wordBytes;
    const read = readFullSync(this.handle, bytes, position, { name: this.path, code: 'data' });
    if (read < bytes.length) throw new RangeError(`${this.path} ends at ${position + read}`);
    return words;
  }

  close(): void {
    closeSync(this.handle);
  }
}

/** In memory: for a window of a stream. */
export class MemoryLog implements WordLog {
  private readonly parts: Int32Array[] = [];
  private readonly offsets: number[] = [];
  private length = 0;

  append(words: Int32Array): number {
    const offset = this.length;
    this.parts.push(words);
    this.offsets.push(offset);
    this.length += words.length;
    return offset;
  }

  /** A document lies in one part. */
  read(offset: number, size: number): Int32Array {
    let low = 0;
    let high = this.parts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.offsets[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    const start = offset - this.offsets[low]!;
    return this.parts[low]!.subarray(start, start + size);
  }

  close(): void {
    this.parts.length = 0;
  }
}
