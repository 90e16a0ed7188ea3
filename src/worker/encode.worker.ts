// Runs in a Piscina thread: reads the rows of a block from their files and encodes them.
import { workerData } from 'node:worker_threads';
import { RowReader } from '../data/reader.ts';
import { AttuneError } from '../errors.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import { encodeBlock, type PlacedRow } from './block.ts';
import { RowEncoder } from './encode.ts';
import type { BlockAnswer, BlockTask, EncodeSetup } from './messages.ts';
import { moved } from './pool.ts';

const { options, files } = workerData as EncodeSetup;
const readers = new Map<number, RowReader>();
// Awaited before the first task: an idle Piscina thread sleeps and would not go on loading.
const encoder = await Tokenizer.load(options.tokenizerDir)
  .then((tokenizer) => new RowEncoder(tokenizer, options))
  .catch((error: unknown) => error);

/** Encodes a block; failures are values, for an error thrown here would lose its code. */
export default async function encode(task: BlockTask): Promise<BlockAnswer> {
  try {
    if (!(encoder instanceof RowEncoder)) throw encoder;
    const block = encodeBlock(
      readRows(task),
      (row, shape, place) => encoder.encode(row, shape, place),
      options,
    );
    return moved(block);
  } catch (error) {
    if (error instanceof AttuneError)
      return { failure: { code: error.code, message: error.message } };
    const { stack, message } = error as Error;
    return { failure: { code: 'internal', message: stack ?? message } };
  }
}

function* readRows({ files: which, starts, ends, lines }: BlockTask): Generator<PlacedRow> {
  for (let i = 0; i < which.length; i++) {
    const index = which[i] ?? 0;
    const { file, shape } = files[index] as EncodeSetup['files'][number];
    const range = { start: starts[i] ?? 0, end: ends[i] ?? 0, line: lines[i] ?? 0 };
    yield { value: reader(index, file).read(range), shape, place: { file, line: range.line } };
  }
}

function reader(index: number, file: string): RowReader {
  let open = readers.get(index);
  if (open === undefined) {
    open = new RowReader(file);
    readers.set(index, open);
  }
  return open;
}
