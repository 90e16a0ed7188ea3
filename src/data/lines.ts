import { RowIndex } from './rows.ts';

const newline = 0x0a;

/**
 * Indexes JSON Lines: one row for every line that is not blank. `chunks` are the bytes of the file
 * in order from offset `base` on; CRLF and a last line without its newline are fine.
 */
export async function indexLines(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  base = 0,
): Promise<RowIndex> {
  const rows = new RowIndex();
  let offset = base;
  let start = base;
  let line = 1;
  let blank = true;
  for await (const chunk of chunks) {
    let from = 0;
    for (;;) {
      const at = chunk.indexOf(newline, from);
      const to = at < 0 ? chunk.length : at;
      blank &&= isBlank(chunk, from, to);
      if (at < 0) break;
      if (!blank) rows.push(start, offset + at, line);
      start = offset + at + 1;
      from = at + 1;
      line++;
      blank = true;
    }
    offset += chunk.length;
  }
  if (!blank) rows.push(start, offset, line);
  return rows;
}

function isBlank(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = bytes[i];
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  }
  return true;
}
