import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { AttuneError, dataError } from '../errors.ts';
import type { ParquetAnswer, ParquetWork } from './parquet.worker.ts';
import type { RowFile } from './rowfile.ts';
import { threadFile } from './thread.ts';

/** Milliseconds without a row after which a file is given up, and those for each byte it has. */
const patience = { base: 30_000, perByte: 1e-3 };

/**
 * Copies the rows of a Parquet file; a row's line is its number from 1. A thread decodes it: a file
 * whose lengths lie, so that it takes endless time or memory, ends the thread and is refused. `name`
 * is for messages; `skips`: a row whose text is none is refused, not the file. Throws `data`.
 */
export async function copyParquet(
  path: string,
  name: string,
  rows: RowFile,
  skips = false,
): Promise<void> {
  const { filename, execArgv } = threadFile(import.meta.url, 'parquet.worker');
  const thread = new Worker(new URL(filename), {
    workerData: { path, name, skips } satisfies ParquetWork,
    ...(execArgv ? { execArgv } : {}),
  });
  const limit = patience.base + statSync(path).size * patience.perByte;
  const refused = (reason: string) =>
    dataError(name, null, `not a Parquet file that can be read: ${reason}`);
  try {
    await new Promise<void>((resolve, reject) => {
      const late = () =>
        reject(refused(`no row came in ${Math.ceil(limit / 1000)} s: it states more than it has`));
      let timer = setTimeout(late, limit);
      thread.on('message', (answer: ParquetAnswer) => {
        clearTimeout(timer);
        if (answer.kind === 'end') return resolve();
        if (answer.kind === 'failed') return reject(new AttuneError('data', answer.message));
        answer.rows.forEach((row, i) => {
          if (typeof row === 'string') rows.write(row, answer.line + i);
          else rows.refuse(row, answer.line + i);
        });
        timer = setTimeout(late, limit);
        thread.postMessage(null);
      });
      thread.on('error', (error) => reject(refused(error.message)));
      thread.on('exit', (code) => reject(refused(`the thread that reads it ended (${code})`)));
    });
  } finally {
    await thread.terminate();
  }
}
