import { RowIndex } from './rows.ts';

/** Why a file is not an array of rows; `line` is null where the file as a whole is meant. */
export class NotRows extends Error {
  constructor(
    readonly line: number | null,
    message: string,
  ) {
    super(message);
  }
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const newline = 0x0a;
const openArray = 0x5b;
const closeArray = 0x5d;
const openObject = 0x7b;
const closeObject = 0x7d;

/**
 * Indexes a JSON array of rows without parsing it: the scan follows strings and brackets only, and
 * each element is parsed when it is read. Throws NotRows.
 */
export async function indexElements(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  base = 0,
): Promise<RowIndex> {
  const scan = new ElementScan(base);
  for await (const chunk of chunks) scan.feed(chunk);
  return scan.finish();
}

class ElementScan {
  private readonly rows = new RowIndex();
  private line = 1;
  private depth = 0;
  private inString = false;
  private escaped = false;
  private closed = false;
  /** Offset and line of the current element's first byte; -1 between elements. */
  private start = -1;
  private startLine = 0;
  private afterComma = false;

  constructor(private offset: number) {}

  feed(chunk: Uint8Array): void {
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] as number;
      if (this.inString) this.stringByte(byte);
      else if (byte === newline) this.line++;
      else if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) this.token(byte, this.offset + i);
      if (this.inString && byte === newline) this.line++;
    }
    this.offset += chunk.length;
  }

  finish(): RowIndex {
    if (this.depth === 0) throw new NotRows(null, 'empty file');
    if (!this.closed) throw new NotRows(this.line, 'the array of rows is not closed: no final "]"');
    return this.rows;
  }

  private stringByte(byte: number): void {
    if (this.escaped) this.escaped = false;
    else if (byte === backslash) this.escaped = true;
    else if (byte === quote) this.inString = false;
  }

  private token(byte: number, at: number): void {
    if (this.closed) throw new NotRows(this.line, 'there is text after the array of rows');
    if (this.depth === 0) {
      if (byte !== openArray) throw new NotRows(null, 'the top level is not an array of rows');
      this.depth = 1;
      return;
    }
    if (this.depth === 1 && byte === comma) this.finishElement(at, true);
    else if (this.depth === 1 && byte === closeArray) {
      this.finishElement(at, false);
      this.closed = true;
    } else this.elementByte(byte, at);
  }

  private elementByte(byte: number, at: number): void {
    if (this.start < 0) {
      this.start = at;
      this.startLine = this.line;
    }
    if (byte === quote) this.inString = true;
    else if (byte === openArray || byte === openObject) this.depth++;
    else if (byte === closeArray || byte === closeObject) this.depth--;
    if (this.depth < 1) throw new NotRows(this.line, 'unexpected "}"');
  }

  private finishElement(at: number, more: boolean): void {
    if (this.start >= 0) this.rows.push(this.start, at, this.startLine);
    else if (more || this.afterComma) throw new NotRows(this.line, 'a row is missing at the comma');
    this.start = -1;
    this.afterComma = more;
  }
}
