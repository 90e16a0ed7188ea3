// Runs in a thread of its own: decodes a Parquet file, whose library trusts lengths that the file states.
import { parentPort, workerData } from 'node:worker_threads';
import { AttuneError, dataError } from '../errors.ts';
import { decodeParquet, type ParquetRows } from './decodeparquet.ts';

/** What the thread is asked for; `name` is for messages, `skips` as copyParquet has it. */
export interface ParquetWork {
  path: string;
  name: string;
  skips: boolean;
}

/** Rows, each message answered before the next is made; or how it ended. */
export type ParquetAnswer =
  | ({ kind: 'rows' } & ParquetRows)
  | { kind: 'end' }
  | { kind: 'failed'; message: string };

const { path, name, skips } = workerData as ParquetWork;
const port = parentPort!;
// The library lets other columns fail unheard once one has failed.
process.on('unhandledRejection', () => {});

function send(answer: ParquetAnswer): Promise<void> {
  return new Promise((resolve) => {
    port.once('message', () => resolve());
    port.postMessage(answer);
  });
}

async function decode(): Promise<void> {
  try {
    await decodeParquet(path, name, (rows) => send({ kind: 'rows', ...rows }), skips);
    port.postMessage({ kind: 'end' } satisfies ParquetAnswer);
  } catch (error) {
    const known = error instanceof AttuneError ? error : dataError(name, null, String(error));
    port.postMessage({ kind: 'failed', message: known.message } satisfies ParquetAnswer);
  }
}

// Not awaited here: a thread that is ended while its module awaits takes the process with it.
void decode();
