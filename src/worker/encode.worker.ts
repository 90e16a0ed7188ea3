// Runs in a Piscina thread: reads the rows of a task from their files and encodes them.
import { workerData } from 'node:worker_threads';
import { type Formatter, loadFormatter } from '../data/formatting.ts';
import { RowReader } from '../data/reader.ts';
import { AttuneError, RowError } from '../errors.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import { type Document, type Fault, storeDocuments } from './documents.ts';
import { RowEncoder } from './encode.ts';
import type { EncodeAnswer, EncodeSetup, EncodeTask, TaskFile } from './messages.ts';
import { moved } from './pool.ts';

const { options } = workerData as EncodeSetup;
/** By the path of the file. */
const readers = new Map<string, RowReader>();
/** Place among all rows of the one that is being encoded. */
let row: number | null = null;

async function load(): Promise<{ encoder: RowEncoder; format: Formatter }> {
  const [tokenizer, format] = await Promise.all([
    Tokenizer.load(options.tokenizerDir),
    loadFormatter(options.formatting, options.datasetTextField),
  ]);
  return { encoder: new RowEncoder(tokenizer, options), format };
}

/**
 * What Piscina calls for each task. It awaits this promise before the first: an idle thread of its
 * sleeps and would not go on loading. A module that a thread loads must not await by itself: ended in
 * that moment, the thread takes the process with it (a check of V8's, in the evaluation of such modules).
 */
export default (async () => {
  const loaded = await load().catch((error: unknown) => error);
  return (task: EncodeTask) => encode(task, loaded);
})();

/** Encodes rows; failures, and faults of rows that are left out, are values: an error thrown here would lose its code. */
async function encode(task: EncodeTask, loaded: unknown): Promise<EncodeAnswer> {
  try {
    if (loaded instanceof Error) throw loaded;
    const { encoder, format } = loaded as Awaited<ReturnType<typeof load>>;
    return moved(storeDocuments([...encodeRows(task, encoder, format)]));
  } catch (error) {
    if (error instanceof AttuneError) {
      return { failure: { code: error.code, message: error.message, row } };
    }
    const { stack, message } = error as Error;
    return { failure: { code: 'internal', message: stack ?? message, row: null } };
  }
}

function* encodeRows(
  { sources, rows, files, starts, ends, lines }: EncodeTask,
  encoder: RowEncoder,
  format: Formatter,
): Generator<Document | Fault> {
  for (let i = 0; i < rows.length; i++) {
    row = rows[i]!;
    const file = sources[files[i]!]!;
    const range = { start: starts[i]!, end: ends[i]!, line: lines[i]! };
    const place = { file: file.name, line: range.line };
    const encode = () =>
      encoder.encodeWhole(format(reader(file).read(range), place), file.shape, place);
    yield options.onBadRow === 'skip' ? orFault(encode, place.line) : encode();
  }
  row = null;
}

/** What is made of a row, or what is wrong with it. */
function orFault(encode: () => Document, line: number): Document | Fault {
  try {
    return encode();
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
    return { line: Number.isNaN(line) ? 0 : error.line - line, reason: error.reason };
  }
}

function reader(file: TaskFile): RowReader {
  let open = readers.get(file.path);
  if (open === undefined) {
    open = new RowReader(file);
    readers.set(file.path, open);
  }
  return open;
}
