import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { extname } from 'node:path';
import { dataError } from '../errors.ts';
import { indexElements, NotRows } from './elements.ts';
import { indexLines } from './lines.ts';
import { topLevelProblem } from './remedy.ts';
import type { RowIndex } from './rows.ts';

/** A data file and where its rows lie. */
export interface Source {
  file: string;
  rows: RowIndex;
}

const chunkBytes = 4 << 20;

/**
 * Finds the rows of a .jsonl or .json file in one scan of its bytes; nothing is parsed yet.
 * Throws `data`: `FILE: …` for the file as a whole, `FILE:LINE: …` for a broken array.
 */
export function openSource(file: string): Source {
  const extension = extname(file).toLowerCase();
  if (extension !== '.jsonl' && extension !== '.json') throw unreadable(file, extension);
  const handle = open(file);
  try {
    const base = inspectStart(file, handle);
    const chunks = readChunks(handle, base);
    const rows = extension === '.jsonl' ? indexLines(chunks, base) : indexArray(file, chunks, base);
    if (rows.length === 0) throw dataError(file, null, 'empty file: it has no rows');
    return { file, rows };
  } finally {
    closeSync(handle);
  }
}

function unreadable(file: string, extension: string): Error {
  const what = extension === '' ? 'a file without an extension' : extension;
  return dataError(file, null, `${what} is not read yet: the formats are .jsonl and .json`);
}

function open(file: string): number {
  try {
    const handle = openSync(file, 'r');
    if (fstatSync(handle).isFile()) return handle;
    closeSync(handle);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw dataError(file, null, missing ? 'no such file' : (error as Error).message);
  }
  throw dataError(file, null, 'not a file');
}

/** Checks the first bytes; returns where the text starts (after a UTF-8 byte order mark). */
function inspectStart(file: string, handle: number): number {
  const head = Buffer.alloc(4);
  const length = readSync(handle, head, 0, 4, 0);
  if (length === 0) throw dataError(file, null, 'empty file');
  const [first, second, third] = head;
  if (first === 0x1f && second === 0x8b) {
    throw dataError(
      file,
      null,
      'gzip-compressed: unpack it first (compressed files are not read yet)',
    );
  }
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw dataError(file, null, 'encoded as UTF-16: save it as UTF-8');
  }
  if (length > 1 && (first === 0 || second === 0)) {
    throw dataError(file, null, 'not text: it has zero bytes; save it as UTF-8');
  }
  return first === 0xef && second === 0xbb && third === 0xbf ? 3 : 0;
}

/** Chunks share one buffer: each is valid until the next is asked for. */
function* readChunks(handle: number, base: number): Generator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, fstatSync(handle).size));
  let offset = base;
  for (;;) {
    const length = readSync(handle, buffer, 0, buffer.length, offset);
    if (length === 0) return;
    yield buffer.subarray(0, length);
    offset += length;
  }
}

function indexArray(file: string, chunks: Iterable<Uint8Array>, base: number): RowIndex {
  try {
    return indexElements(chunks, base);
  } catch (error) {
    if (!(error instanceof NotRows)) throw error;
    const message = error.line === null ? topLevelProblem(file) : error.message;
    throw dataError(file, error.line, message);
  }
}
