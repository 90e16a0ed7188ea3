// Runs in a Piscina thread: reads the rows of a block from their files and encodes them.
import { workerData } from 'node:worker_threads';
import { type Formatter, loadFormatter } from '../data/formatting.ts';
import { RowReader } from '../data/reader.ts';
import { AttuneError } from '../errors.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import { encodeBlock, type PlacedRow } from './block.ts';
import { RowEncoder } from './encode.ts';
import type { BlockAnswer, BlockTask, EncodeSetup, TaskFile } from './messages.ts';
import { moved } from './pool.ts';

const { options, files } = workerData as EncodeSetup;
const readers = new Map<number, RowReader>();
// Awaited before the first task: an idle Piscina thread sleeps and would not go on loading.
const loaded = await load().catch((error: unknown) => error);
/** Place among all rows of the one that is being encoded. */
let row: number | null = null;

async function load(): Promise<{ encoder: RowEncoder; format: Formatter }> {
  const [tokenizer, format] = await Promise.all([
    Tokenizer.load(options.tokenizerDir),
    loadFormatter(options.formatting, options.datasetTextField),
  ]);
  return { encoder: new RowEncoder(tokenizer, options), format };
}

/** Encodes a block; failures are values, for an error thrown here would lose its code. */
export default async function encode(task: BlockTask): Promise<BlockAnswer> {
  try {
    if (loaded instanceof Error) throw loaded;
    const { encoder, format } = loaded as Awaited<ReturnType<typeof load>>;
    const block = encodeBlock(
      readRows(task, format),
      (value, shape, place) => encoder.encode(value, shape, place),
      options,
    );
    return moved(block);
  } catch (error) {
    if (error instanceof AttuneError) {
      return { failure: { code: error.code, message: error.message, row } };
    }
    const { stack, message } = error as Error;
    return { failure: { code: 'internal', message: stack ?? message, row: null } };
  }
}

function* readRows(
  { rows, files: which, starts, ends, lines }: BlockTask,
  format: Formatter,
): Generator<PlacedRow> {
  for (let i = 0; i < which.length; i++) {
    row = rows[i] ?? null;
    const index = which[i] ?? 0;
    const file = files[index] as TaskFile;
    const range = { start: starts[i] ?? 0, end: ends[i] ?? 0, line: lines[i] ?? 0 };
    const place = { file: file.name, line: range.line };
    yield { value: format(reader(index, file).read(range), place), shape: file.shape, place };
  }
  row = null;
}

function reader(index: number, file: TaskFile): RowReader {
  let open = readers.get(index);
  if (open === undefined) {
    open = new RowReader(file);
    readers.set(index, open);
  }
  return open;
}
