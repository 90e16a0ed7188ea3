import { closeSync, openSync, readSync } from 'node:fs';
import { dataError } from '../errors.ts';
import type { RowRange } from './rows.ts';

/** Reads and parses rows of one file by byte range. Close it when done. */
export class RowReader {
  private readonly handle: number;
  private buffer = Buffer.allocUnsafe(1 << 16);
  private readonly decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  constructor(private readonly file: string) {
    this.handle = openSync(file, 'r');
  }

  /** The JSON value of a row. Throws `data` with FILE:LINE for bad UTF-8 or bad JSON. */
  read(range: RowRange): unknown {
    const bytes = this.readBytes(range);
    let text: string;
    try {
      text = this.decoder.decode(bytes);
    } catch {
      throw dataError(this.file, range.line + badLine(bytes), 'not valid UTF-8');
    }
    try {
      return JSON.parse(text);
    } catch (error) {
      const { message } = error as Error;
      const at = Number(/ at position (\d+)/.exec(message)?.[1] ?? 0);
      const line = range.line + text.slice(0, at).split('\n').length - 1;
      throw dataError(this.file, line, `not valid JSON: ${message}`);
    }
  }

  close(): void {
    closeSync(this.handle);
  }

  private readBytes({ start, end, line }: RowRange): Uint8Array {
    const length = end - start;
    if (length > this.buffer.length) this.buffer = Buffer.allocUnsafe(2 * length);
    let done = 0;
    while (done < length) {
      const count = readSync(this.handle, this.buffer, done, length - done, start + done);
      if (count === 0)
        throw dataError(this.file, line, 'the file became shorter while it was read');
      done += count;
    }
    return this.buffer.subarray(0, length);
  }
}

/** Lines before the first byte that is not UTF-8. */
function badLine(bytes: Uint8Array): number {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  let byte = 0;
  let lines = 0;
  for (const character of text) {
    const size = Buffer.byteLength(character);
    const isWritten = character !== '\ufffd' || bytes[byte] === 0xef;
    if (!isWritten) break;
    if (character === '\n') lines++;
    byte += size;
  }
  return lines;
}
