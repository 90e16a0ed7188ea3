// Where a worker says how far it is and which input it is at, so that it is known when the worker can
// say no more: memory that two threads share, or a file, which outlives the process.
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

export type PlaceData = SharedArrayBuffer | string;

const head = 24;
/** Bytes of the longest input. */
export const longestInput = 1 << 20;

export function makePlace(file: string | null): PlaceData {
  if (file === null) return new SharedArrayBuffer(head + longestInput);
  closeSync(openSync(file, 'w'));
  return file;
}

/** How many inputs are done, how many of them were accepted, and the next. */
export interface Standing {
  done: number;
  accepted: number;
  input: Uint8Array;
}

export class Place {
  private readonly bytes: Uint8Array;
  private readonly numbers: BigInt64Array;
  private readonly file: number | null;

  constructor(private readonly data: PlaceData) {
    const memory = typeof data === 'string' ? new ArrayBuffer(head + longestInput) : data;
    this.bytes = new Uint8Array(memory);
    this.numbers = new BigInt64Array(memory, 0, 3);
    this.file = typeof data === 'string' ? openSync(data, 'r+') : null;
  }

  write({ done, accepted, input }: Standing): void {
    this.bytes.set(input, head);
    Atomics.store(this.numbers, 2, BigInt(accepted));
    Atomics.store(this.numbers, 1, BigInt(input.length));
    Atomics.store(this.numbers, 0, BigInt(done));
    if (this.file !== null) writeSync(this.file, this.bytes, 0, head + input.length, 0);
  }

  /** Null before the first input. */
  read(): Standing | null {
    const bytes = typeof this.data === 'string' ? readFileSync(this.data) : this.bytes;
    if (bytes.length < head) return null;
    const at = new DataView(bytes.buffer, bytes.byteOffset);
    const length = Number(at.getBigInt64(8, true));
    if (length === 0) return null;
    const [done, accepted] = [Number(at.getBigInt64(0, true)), Number(at.getBigInt64(16, true))];
    return { done, accepted, input: bytes.slice(head, head + length) };
  }
}
