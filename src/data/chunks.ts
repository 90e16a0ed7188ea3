import { closeSync, fstatSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { readFullSync } from '../read.ts';
import { openFile } from './head.ts';
import { indexLines } from './lines.ts';
import { RowIndex } from './rows.ts';
import type { OpenSource, Source } from './source.ts';

const newline = 0x0a;
const readBytes = 4 << 20;

/**
 * A part of a source that is indexed by itself: the rows that begin in bytes [start, end), or, of a
 * source that is indexed as a whole, rows [start, end).
 */
export interface Chunk {
  /** Index of the source. */
  source: number;
  start: number;
  end: number;
  bytes: number;
}

/** The rows of a chunk, as if they were a file. */
export interface ChunkSource extends Source {
  /** Lines before the chunk; null: nobody counted them, and `line` of a row begins at 1. */
  linesBefore: number | null;
}

/**
 * The bytes of a file from `start` on; `name` is for messages. Chunks share one buffer: each is valid
 * until the next is asked for. Others run in between. Throws `data`.
 */
export async function* readChunks(
  handle: number,
  name: string,
  start: number,
  size = readBytes,
): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(Math.min(size, Math.max(1, fstatSync(handle).size)));
  for (let offset = start; ; ) {
    const length = readFullSync(handle, buffer, offset, { name, code: 'data' });
    if (length === 0) return;
    yield buffer.subarray(0, length);
    offset += length;
    await setImmediate();
  }
}

/** Cuts sources into chunks of about so many bytes, in their order. */
export function cutChunks(sources: readonly OpenSource[], bytes: number): Chunk[] {
  return sources.flatMap(({ rows, begin, size }, source) => {
    const chunks: Chunk[] = [];
    if (rows === null) {
      for (let start = begin; start < size; start += bytes) {
        const end = Math.min(size, start + bytes);
        chunks.push({ source, start, end, bytes: end - start });
      }
      return chunks;
    }
    for (let start = 0; start < rows.length; ) {
      let end = start;
      let sum = 0;
      while (end < rows.length && (sum === 0 || sum < bytes)) sum += rows.bytes(end++);
      chunks.push({ source, start, end, bytes: sum });
      start = end;
    }
    return chunks;
  });
}

/** Finds the rows of a chunk; of lines, its bytes alone are read. */
export async function indexChunk(source: OpenSource, chunk: Chunk): Promise<ChunkSource> {
  const { name, path, form, weight, rows: all, begin } = source;
  if (all !== null) {
    const rows = new RowIndex();
    for (let row = chunk.start; row < chunk.end; row++) {
      const { start, end, line } = all.at(row);
      rows.push(start, end, line);
    }
    return { name, path, form, weight, rows, linesBefore: 0 };
  }
  const handle = openFile(path, name);
  try {
    const linesBefore = chunk.start === begin ? 0 : null;
    const first = await firstRow(handle, name, chunk, begin);
    const rows =
      first >= chunk.end
        ? new RowIndex()
        : await indexLines(readLines(handle, name, first, chunk.end), first);
    return { name, path, form, weight, rows, linesBefore };
  } finally {
    closeSync(handle);
  }
}

/** Where the first row begins at or after the start of a chunk; its end or more: none begins in it. */
async function firstRow(
  handle: number,
  name: string,
  { start, end }: Chunk,
  begin: number,
): Promise<number> {
  if (start === begin) return start;
  let offset = start - 1;
  for await (const bytes of readChunks(handle, name, offset, 1 << 16)) {
    const at = bytes.indexOf(newline);
    if (at >= 0) return offset + at + 1;
    offset += bytes.length;
    if (offset >= end) break;
  }
  return end;
}

/** The bytes from the start of a row up to the end of the last one that begins before `end`. */
async function* readLines(
  handle: number,
  name: string,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  let offset = start;
  const size = Math.min(readBytes, end - start + (1 << 16));
  for await (const bytes of readChunks(handle, name, start, size)) {
    const last = bytes.indexOf(newline, Math.max(0, end - 1 - offset));
    const isLast = last >= 0 && offset + last >= end - 1;
    yield isLast ? bytes.subarray(0, last + 1) : bytes;
    if (isLast) return;
    offset += bytes.length;
  }
}
