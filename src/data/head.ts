import { closeSync, fstatSync, openSync } from 'node:fs';
import { dataError } from '../errors.ts';
import { readFullSync } from '../read.ts';

/** What the first bytes of a file are. */
export interface Head {
  /** null: perhaps text. */
  magic: 'gzip' | 'parquet' | null;
  /** Length of a UTF-8 byte order mark. */
  mark: 0 | 3;
  /** The first byte of text that is no white space, as a character; '' where there is none. */
  first: string;
}

const looked = 4096;

/** Looks at the first bytes of a file; `name` is for messages. Throws `data` where there are none. */
export function readHead(path: string, name: string): Head {
  const bytes = firstBytes(path, name);
  const [first, second, third] = bytes;
  if (first === 0x1f && second === 0x8b) return { magic: 'gzip', mark: 0, first: '' };
  if (bytes.toString('latin1', 0, 4) === 'PAR1') return { magic: 'parquet', mark: 0, first: '' };
  const mark = first === 0xef && second === 0xbb && third === 0xbf ? 3 : 0;
  const text = bytes.toString('latin1', mark).trimStart();
  return { magic: null, mark, first: text.slice(0, 1) };
}

/** Throws `data` for text in another encoding than UTF-8. */
export function checkEncoding(path: string, name: string): void {
  const [first, second, third, fourth] = firstBytes(path, name);
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw dataError(name, null, 'encoded as UTF-16: save it as UTF-8');
  }
  if ((first === 0) !== (second === 0) && (third === 0) !== (fourth === 0)) {
    throw dataError(name, null, 'encoded as UTF-16 without a byte order mark: save it as UTF-8');
  }
  if (first === 0 || second === 0) {
    throw dataError(name, null, 'not text: it has zero bytes; save it as UTF-8');
  }
}

function firstBytes(path: string, name: string): Buffer {
  const handle = openFile(path, name);
  try {
    const bytes = Buffer.alloc(looked);
    const length = readFullSync(handle, bytes, 0, { name, code: 'data' });
    if (length === 0) throw dataError(name, null, 'empty file');
    return bytes.subarray(0, length);
  } finally {
    closeSync(handle);
  }
}

/** Opens a file for reading. Throws `data` where it is none. */
export function openFile(path: string, name: string): number {
  let handle: number;
  try {
    handle = openSync(path, 'r');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw dataError(name, null, missing ? 'no such file' : (error as Error).message);
  }
  if (fstatSync(handle).isFile()) return handle;
  closeSync(handle);
  throw dataError(name, null, 'not a file');
}
