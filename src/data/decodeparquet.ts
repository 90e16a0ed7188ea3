import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { AsyncBuffer } from 'hyparquet';
import { dataError, RowError } from '../errors.ts';
import type { Refusal } from './rowfile.ts';

/** Rows as JSON texts, or what is in place of one, of which the first is number `line`. */
export interface ParquetRows {
  line: number;
  rows: (string | Refusal)[];
}

/** Characters of rows in a message. */
const batch = 1 << 20;

/** Text of a column that is not UTF-8. */
const badText = Symbol('not UTF-8');
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array | undefined): unknown {
  if (!bytes) return bytes;
  try {
    return decoder.decode(bytes);
  } catch {
    return badText;
  }
}

/** Node's own are many times faster; a page is no longer than it says. */
const nodes = {
  GZIP: (page: Uint8Array, size: number) =>
    gunzipSync(page, { maxOutputLength: Math.max(1, size) }),
  BROTLI: (page: Uint8Array, size: number) =>
    brotliDecompressSync(page, { maxOutputLength: Math.max(1, size) }),
};

/**
 * Gives the rows of a Parquet file to `send`, a row group at a time. Fields that are null are left
 * out, for Arrow fills the structs of a column up with them. Integers beyond 2^53 become text, bytes
 * text where they are UTF-8 and null otherwise. Text that is not UTF-8 is the end, or where `skips` a
 * refusal. Throws `data`.
 */
export async function decodeParquet(
  path: string,
  name: string,
  send: (rows: ParquetRows) => Promise<void>,
  skips = false,
): Promise<void> {
  const { asyncBufferFromFile } = await import('hyparquet');
  await decodeBuffer(await asyncBufferFromFile(path), name, send, skips);
}

/** The same of bytes that lie elsewhere. */
export async function decodeBuffer(
  file: AsyncBuffer,
  name: string,
  send: (rows: ParquetRows) => Promise<void>,
  skips = false,
): Promise<void> {
  const { parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const { compressors: others } = await import('hyparquet-compressors');
  const compressors = { ...others, ...nodes };
  const attempt = <T>(run: () => Promise<T>): Promise<T> =>
    run().catch((error: unknown) => {
      throw dataError(
        name,
        null,
        `not a Parquet file that can be read: ${(error as Error).message}`,
      );
    });
  const metadata = await attempt(() => parquetMetadataAsync(file));
  let line = 1;
  for (const group of metadata.row_groups) {
    const [rowStart, rowEnd] = [line - 1, line - 1 + Number(group.num_rows)];
    for (const { meta_data: column } of group.columns) {
      // A row has a value, or a null that counts as one, in every column.
      if (!column || (column.num_values >= group.num_rows && group.num_rows >= 0n)) continue;
      const values = `${column.num_values} values in column ${column.path_in_schema.join('.')}`;
      throw dataError(name, null, `a row group of ${group.num_rows} rows has ${values}`);
    }
    const parsers = { stringFromBytes: decode } as object;
    const found = await attempt(() =>
      parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd, utf8: false, parsers }),
    );
    if (found.length !== rowEnd - rowStart) {
      throw dataError(
        name,
        null,
        `a row group has ${found.length} rows and says ${rowEnd - rowStart}`,
      );
    }
    for (let next = 0; next < found.length; ) {
      const rows: ParquetRows['rows'] = [];
      const first = line;
      for (let size = 0; next < found.length && size < batch; line++) {
        const row = toJson(found[next++] as object);
        if ('reason' in row && !skips) throw new RowError(name, line, row.reason);
        size += ('reason' in row ? row.raw : row.json).length;
        rows.push('reason' in row ? row : row.json);
      }
      await send({ line: first, rows });
    }
  }
}

function toJson(row: object): { json: string } | Refusal {
  let bad: string | null = null;
  const json = JSON.stringify(row, function (this: unknown, key, value: unknown) {
    if (value === null && !Array.isArray(this)) return undefined;
    if (typeof value === 'bigint')
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    if (value === badText) {
      bad ??= `column "${key}": not valid UTF-8`;
      return '\ufffd';
    }
    if (value instanceof Uint8Array) {
      const text = decode(value);
      return text === badText ? undefined : text;
    }
    return ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<unknown>) : value;
  });
  return bad === null ? { json } : { reason: bad, raw: json };
}
