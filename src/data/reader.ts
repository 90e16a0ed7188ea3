import { isUtf8 } from 'node:buffer';
import { closeSync } from 'node:fs';
import { dataError, RowError } from '../errors.ts';
import { readFullSync } from '../read.ts';
import { openFile } from './head.ts';
import { parseJson } from './json.ts';
import { refusalIn } from './rowfile.ts';
import type { RowRange } from './rows.ts';
import { JsonProblem } from './scan.ts';
import type { Source } from './source.ts';

/** Far more than a row has; below what a string can hold. */
const largestRow = 256 << 20;
const longRow = 1 << 20;

/** Reads and parses rows of one source by byte range. Close it when done. */
export class RowReader {
  private readonly handle: number;
  private buffer = Buffer.allocUnsafe(1 << 16);
  private readonly decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  constructor(private readonly source: Pick<Source, 'name' | 'path' | 'form'>) {
    this.handle = openFile(source.path, source.name);
  }

  /**
   * The JSON value of a row; of plain text, {text}. Throws RowError for bad UTF-8, bad JSON, zero
   * characters, and what parseJson refuses; `data` where the file cannot be read.
   */
  read(range: RowRange): unknown {
    const { name, form } = this.source;
    const text = this.text(range);
    if (form === 'text') return this.plain(text, range.line);
    const refusal = form === 'copy' ? refusalIn(text) : null;
    if (refusal !== null) throw new RowError(name, range.line, refusal.reason);
    try {
      return parseJson(text);
    } catch (error) {
      if (!(error instanceof JsonProblem)) throw error;
      const line = range.line + newlines(text, error.offset);
      throw new RowError(name, line, error.message);
    }
  }

  /** The text of a row as the file has it. Throws RowError for bad UTF-8. */
  text(range: RowRange): string {
    const bytes = this.readBytes(range);
    try {
      return this.decoder.decode(bytes);
    } catch {
      throw new RowError(this.source.name, range.line + badLine(bytes), 'not valid UTF-8');
    }
  }

  /**
   * What a row holds, for people: at most `most` bytes of it, whatever is no text in them shown as
   * U+FFFD.
   */
  shown({ start, end }: RowRange, most: number): string {
    const { name, form } = this.source;
    const whole = form === 'copy' ? largestRow : most;
    const bytes = this.room(Math.min(end - start, whole));
    const length = readFullSync(this.handle, bytes, start, { name, code: 'data' });
    const text = Buffer.from(bytes.subarray(0, length)).toString().replace(/\r$/, '');
    return (form === 'copy' ? (refusalIn(text)?.raw ?? text) : text).slice(0, most);
  }

  close(): void {
    closeSync(this.handle);
  }

  private plain(text: string, line: number): { text: string } {
    if (text.includes('\0')) throw new RowError(this.source.name, line, 'a zero byte in the text');
    return { text: text.endsWith('\r') ? text.slice(0, -1) : text };
  }

  /** One buffer serves all rows but the very long, whose memory is not kept. */
  private room(length: number): Buffer {
    if (length > longRow) return Buffer.allocUnsafe(length);
    if (length > this.buffer.length) this.buffer = Buffer.allocUnsafe(2 * length);
    return this.buffer.subarray(0, length);
  }

  private readBytes({ start, end, line }: RowRange): Uint8Array {
    const { name } = this.source;
    const length = end - start;
    if (length > largestRow) {
      throw new RowError(
        name,
        line,
        `a row of ${Math.ceil(length / 2 ** 20)} MiB; the longest is 256 MiB`,
      );
    }
    const bytes = this.room(length);
    const read = readFullSync(this.handle, bytes, start, { name, code: 'data' });
    if (read < length) throw dataError(name, line, 'the file became shorter while it was read');
    return bytes;
  }
}

function newlines(text: string, end: number): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** Lines before the first that is not UTF-8. */
function badLine(bytes: Uint8Array): number {
  let lines = 0;
  for (let start = 0; ; lines++) {
    const end = bytes.indexOf(0x0a, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return lines;
    start = end + 1;
  }
}
