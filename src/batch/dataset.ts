import type { Accounting, DataOptions, InspectedRow } from '../data/options.ts';
import { AttuneError } from '../errors.ts';
import { account } from './account.ts';
import { type Batch, makeBatch } from './batch.ts';
import { Blocks } from './blocks.ts';
import { inspectRows, type ShownRow, shownRows } from './inspect.ts';
import { type RowReference, rowCount, rowsInOrder } from './order.ts';
import { Records } from './records.ts';

/** A batch, and how far into its epoch it reaches. */
export interface EpochBatch extends Batch {
  /** Share of the epoch's records that have been used up with this batch, from 0 to 1. */
  progress: number;
}

/**
 * The data of a run: read, tokenized, masked and packed in threads, while it is already being
 * trained on. Errors in the data reject whichever call waits for them.
 */
export class Dataset {
  private constructor(
    private readonly options: DataOptions,
    private readonly records: Records,
    private readonly blocks: Blocks,
  ) {}

  /**
   * Indexes the files and starts to encode them. Rejects with `config` for impossible options and
   * with `data` for a file that cannot be read.
   */
  static async open(options: DataOptions): Promise<Dataset> {
    check(options);
    const records = await Records.open(options);
    return new Dataset(options, records, new Blocks(records, options));
  }

  /** The data files: as they are called, where their bytes lie, and their weights. */
  get sources(): readonly { name: string; path: string; weight: number }[] {
    return this.records.sources;
  }

  /** Packed rows (documents when not packing) of an epoch; waits until all is encoded. */
  async totalRows(): Promise<number> {
    const blocks = await this.blocks.all();
    return blocks.reduce((sum, block) => sum + rowCount(block), 0);
  }

  /** What became of every row read; waits until all is encoded. */
  async accounting(): Promise<Accounting> {
    return this.account(await this.blocks.all());
  }

  /** Rows encoded by now, and rows of the files. */
  get progress(): { read: number; available: number } {
    return { read: this.blocks.recordsSoFar, available: this.records.length };
  }

  /** The same of the rows that are encoded by now. */
  accountingSoFar(): Accounting {
    return this.account(this.blocks.soFar());
  }

  /**
   * Micro-batches of an epoch (from 0) in order, of `batchSize` rows each, the last one perhaps
   * fewer; those before `startBatch` are skipped. The order depends on (seed, epoch) alone. The
   * first batch comes as soon as its rows are encoded.
   */
  async *batches(epoch: number, startBatch = 0): AsyncGenerator<EpochBatch> {
    const { batchSize } = this.options;
    let skip = startBatch * batchSize;
    let rows: RowReference[] = [];
    for await (const row of rowsInOrder(this.blocks, this.options, epoch)) {
      if (skip-- > 0) continue;
      rows.push(row);
      if (rows.length < batchSize) continue;
      yield batchOf(rows);
      rows = [];
    }
    if (rows.length > 0) yield batchOf(rows);
  }

  /** Every row in file order, before packing, for people to look at. */
  inspect(): AsyncGenerator<InspectedRow> {
    return inspectRows(this.records, this.options);
  }

  /** Every `every`th of these rows, with the places of tokens in the text. */
  shown(every = 1): AsyncGenerator<ShownRow> {
    return shownRows(this.records, this.options, every);
  }

  private account(blocks: Parameters<typeof account>[0]): Accounting {
    const capacity = this.options.packing === false ? null : this.options.maxLength;
    return account(blocks, this.records.accounts, capacity);
  }

  /** Stops encoding and ends the threads. What waits is rejected with `disposed`. Idempotent. */
  async close(): Promise<void> {
    await this.blocks.close();
    this.records.close();
  }
}

function batchOf(rows: RowReference[]): EpochBatch {
  return { ...makeBatch(rows.flatMap(documentsOf)), progress: rows.at(-1)?.progress ?? 0 };
}

function documentsOf({ block, row }: RowReference): { ids: Int32Array; labels: Int32Array }[] {
  const { ids, labels, pieces, rows } = block;
  const documents: { ids: Int32Array; labels: Int32Array }[] = [];
  for (let piece = rows[row] ?? 0; piece < (rows[row + 1] ?? 0); piece++) {
    const [start, end] = [pieces[piece], pieces[piece + 1]];
    documents.push({ ids: ids.subarray(start, end), labels: labels.subarray(start, end) });
  }
  return documents;
}

function check({ files, packing, maxLength, batchSize }: DataOptions): void {
  if (files.length === 0) throw new AttuneError('config', 'no data file is given');
  if (packing !== false && maxLength === null) {
    throw new AttuneError('config', 'packing needs max_length');
  }
  if (maxLength !== null && maxLength < 2) {
    throw new AttuneError('config', `max_length is ${maxLength}; a row needs two tokens to train`);
  }
  if (batchSize < 1) throw new AttuneError('config', 'the batch size must be at least 1');
}
