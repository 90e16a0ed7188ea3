import { closeSync, createReadStream, statSync } from 'node:fs';
import { dataError } from '../errors.ts';
import { readChunks } from './chunks.ts';
import { copyCsv } from './csv.ts';
import { indexElements, NotRows } from './elements.ts';
import { standardInput, type WeightedFile } from './files.ts';
import { unpack } from './gzip.ts';
import { checkEncoding, type Head, openFile, readHead } from './head.ts';
import { type Format, type Kind, requireKind } from './kinds.ts';
import { indexLines } from './lines.ts';
import { copyParquet } from './parquet.ts';
import { linesProblem } from './remedy.ts';
import { RowFile } from './rowfile.ts';
import type { RowIndex } from './rows.ts';
import type { Spool } from './spool.ts';
import { copyStandardInput } from './stdin.ts';

/**
 * Rows of data as byte ranges of a file. What is not there in that form (compressed, CSV, Parquet,
 * standard input) is first copied to a temporary file; lines are those of the original.
 */
export interface Source {
  /** The file that was asked for, as messages name it. */
  name: string;
  /** The file whose bytes the rows are. */
  path: string;
  /**
   * Whether a row is JSON, a line of plain text, or JSON that was copied, where what was no row of the
   * original stands as a Refusal.
   */
  form: 'json' | 'text' | 'copy';
  rows: RowIndex;
  /** How often each row is used in an epoch. */
  weight: number;
}

/** A data file whose rows are found when they are wanted, where they are its lines from `begin` on. */
export interface OpenSource extends Omit<Source, 'rows'> {
  /** null: they are the lines. */
  rows: RowIndex | null;
  /** The first byte of text, and the number of bytes. */
  begin: number;
  size: number;
}

/**
 * Finds the rows of a data file in one pass over its bytes; JSON is not parsed yet. Throws `data`:
 * `FILE: …` for the file as a whole, `FILE:LINE: …` for a place where its rows cannot be told. `skips`:
 * whether a row that cannot be copied is refused alone, not the file.
 */
export async function openSource(file: WeightedFile, spool: Spool, skips = false): Promise<Source> {
  const { name, path, form, weight, begin, rows: known } = await locateSource(file, spool, skips);
  const rows = known ?? (await readFrom(path, name, begin, indexLines));
  if (rows.length === 0) throw dataError(name, null, 'empty file: it has no rows');
  return { name, path, form, weight, rows };
}

/** Opens a data file without a pass over its bytes, where its rows are its lines. Throws `data`. */
export async function locateSource(
  { path, weight }: WeightedFile,
  spool: Spool,
  skips = false,
): Promise<OpenSource> {
  const name = path;
  const isInput = path === standardInput;
  const original = isInput ? await copyStandardInput() : path;
  const kind = isInput ? null : requireKind(path);
  const place = await unpacked(original, name, kind, spool);
  const head = readHead(place, name);
  const format = kind?.format ?? inputFormat(head);
  checkMagic(head, name, format);
  const found = await findRows(place, name, format, head, spool, skips);
  if (found.rows?.length === 0) throw dataError(name, null, 'empty file: it has no rows');
  return { name, weight, begin: head.mark, size: statSync(found.path).size, ...found };
}

/** The file itself, or its unpacked copy. A name must say what the file is. */
async function unpacked(
  path: string,
  name: string,
  kind: Kind | null,
  spool: Spool,
): Promise<string> {
  const { magic } = readHead(path, name);
  if (magic === 'gzip' && kind?.gzip === false) {
    throw dataError(
      name,
      null,
      'gzip-compressed, which its name does not say: rename it to end in .gz',
    );
  }
  if (magic !== 'gzip' && kind?.gzip) {
    throw dataError(name, null, 'not gzip-compressed, though its name ends in .gz: rename it');
  }
  if (magic !== 'gzip') return path;
  const copy = spool.newFile('unpacked');
  await unpack(path, name, copy);
  return copy;
}

/** Standard input has no name to go by. */
function inputFormat({ magic, first }: Head): Format {
  if (magic === 'parquet') return 'parquet';
  if (first === '[') return 'json';
  if (first === '{') return 'jsonl';
  throw dataError(
    standardInput,
    null,
    'standard input is read as JSON Lines, an array of JSON or Parquet, and each as gzip; this is none: save it to a file of its kind',
  );
}

function checkMagic({ magic }: Head, name: string, format: Format): void {
  if (magic === 'gzip') throw dataError(name, null, 'gzip-compressed twice: unpack it once');
  if (magic === 'parquet' && format !== 'parquet') {
    throw dataError(
      name,
      null,
      `a Parquet file, though its name says .${format}: rename it to .parquet`,
    );
  }
  if (magic !== 'parquet' && format === 'parquet') {
    throw dataError(name, null, 'not a Parquet file: it does not begin with PAR1');
  }
}

/** Where the rows lie; null for the rows themselves: they are the lines. */
async function findRows(
  path: string,
  name: string,
  format: Format,
  { mark, first }: Head,
  spool: Spool,
  skips: boolean,
): Promise<Pick<OpenSource, 'path' | 'form' | 'rows'>> {
  if (format === 'parquet' || format === 'csv') {
    if (format === 'csv') checkEncoding(path, name);
    const copy = new RowFile(spool.newFile('jsonl'));
    try {
      if (format === 'csv')
        await copyCsv(createReadStream(path, { start: mark }), name, copy, skips);
      else await copyParquet(path, name, copy, skips);
    } finally {
      copy.close();
    }
    return { path: copy.path, form: 'copy', rows: copy.rows };
  }
  checkEncoding(path, name);
  const form = format === 'txt' ? 'text' : 'json';
  if (format !== 'json') return { path, form, rows: null };
  // A .json file whose rows stand one on a line is common, and begins with a bracket of its own.
  if (first !== '{')
    return { path, form, rows: await readFrom(path, name, mark, indexArray(name)) };
  checkLines(path, name);
  return { path, form, rows: null };
}

type Indexer = (chunks: AsyncIterable<Uint8Array>, base: number) => Promise<RowIndex>;

async function readFrom(
  path: string,
  name: string,
  base: number,
  index: Indexer,
): Promise<RowIndex> {
  const handle = openFile(path, name);
  try {
    return await index(readChunks(handle, name, base), base);
  } finally {
    closeSync(handle);
  }
}

function indexArray(name: string): Indexer {
  return async (chunks, base) => {
    try {
      return await indexElements(chunks, base);
    } catch (error) {
      if (error instanceof NotRows) throw dataError(name, error.line, error.message);
      throw error;
    }
  };
}

/** Throws `data` for a .json file of one object that is no row. */
function checkLines(path: string, name: string): void {
  const problem = linesProblem(path);
  if (problem !== null) throw dataError(name, null, problem);
}
