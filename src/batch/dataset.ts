import type { Accounting, DataOptions, InspectedRow, Quarantine } from '../data/options.ts';
import { AttuneError } from '../errors.ts';
import type { Document } from '../worker/documents.ts';
import { type Batch, makeBatch } from './batch.ts';
import type { Data } from './data.ts';
import { inspectRows, type ShownRow, shownRows } from './inspect.ts';
import type { Records } from './records.ts';
import { Stream, type WindowSize } from './stream.ts';
import { Whole } from './whole.ts';

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
    private readonly data: Data,
  ) {}

  /**
   * Opens the files and starts to encode them, unless only `inspect` is wanted. Rejects with `config`
   * for impossible options and with `data` for a file that cannot be read. `windows`: how a stream is
   * cut, where not as usual. `quarantine` is told of bad rows that are left out.
   */
  static async open(
    options: DataOptions,
    {
      encode = true,
      windows,
      quarantine = (rows) => void rows.catch(() => {}),
    }: { encode?: boolean; windows?: WindowSize; quarantine?: Quarantine } = {},
  ): Promise<Dataset> {
    check(options);
    const data = await (options.streaming
      ? Stream.open(options, quarantine, windows)
      : Whole.open(options, quarantine));
    if (encode) await data.start();
    return new Dataset(options, data);
  }

  /** The data files: as they are called, where their bytes lie, and their weights. */
  get sources(): Data['sources'] {
    return this.data.sources;
  }

  /** Packed rows (documents when not packing) of an epoch; waits until all is encoded. */
  async totalRows(): Promise<number> {
    return (await this.accounting()).rows;
  }

  /** What became of every row read; waits until all is encoded. */
  async accounting(): Promise<Accounting> {
    return this.data.accounting();
  }

  /** Rows encoded by now, and rows of the files as far as they are known. */
  get progress(): Data['progress'] {
    return this.data.progress;
  }

  /** Threads that still have rows to encode. */
  get encoders(): number {
    const { read, available } = this.data.progress;
    return this.options.streaming || read < available ? Math.max(1, this.options.workers) : 0;
  }

  /** The same of the rows that batches have come to. */
  accountingSoFar(): Accounting {
    return this.data.accountingSoFar();
  }

  /**
   * What a later part of the run has to know of the rows, once an epoch is done: what became of all rows of
   * a stream. null: it is found again.
   */
  get carriedAccount(): Accounting | null {
    if (!this.options.streaming) return null;
    const account = this.accountingSoFar();
    return account.read === account.available ? account : null;
  }

  /** Goes on with what an earlier part of the run has carried over. */
  goOn(account: Accounting): void {
    this.data.goOn?.(account);
  }

  /** Tokens of the longest row; waits until all is encoded. */
  async longest(): Promise<number> {
    return this.data.longest();
  }

  /**
   * Micro-batches of an epoch (from 0) in order, of `batchSize` rows each, the last one perhaps
   * fewer; those before `startBatch` are skipped. The order depends on (seed, epoch) alone. The
   * first batch comes as soon as its rows are encoded.
   */
  async *batches(epoch: number, startBatch = 0): AsyncGenerator<EpochBatch> {
    const { batchSize } = this.options;
    let documents: Document[] = [];
    let rows = 0;
    let progress = 0;
    for await (const reference of this.data.rows(epoch, { rows: startBatch * batchSize })) {
      const { section, block, layout, row } = reference;
      documents.push(...(await section.documents(block, layout, row)));
      progress = reference.progress;
      if (++rows < batchSize) continue;
      yield { ...makeBatch(documents), progress };
      documents = [];
      rows = 0;
    }
    if (rows > 0) yield { ...makeBatch(documents), progress };
  }

  /** Every row in file order, before packing, for people to look at. */
  inspect(): AsyncGenerator<InspectedRow> {
    return inspectRows(this.records, this.options);
  }

  /** Every `every`th of these rows, with the places of tokens in the text. */
  shown(every = 1): AsyncGenerator<ShownRow> {
    return shownRows(this.records, this.options, every);
  }

  private get records(): Records {
    if (this.data instanceof Whole) return this.data.records;
    throw new AttuneError('config', 'dataset_streaming: rows are shown without it');
  }

  /** Stops encoding and ends the threads. What waits is rejected with `disposed`. Idempotent. */
  async close(): Promise<void> {
    await this.data.close();
  }
}

function check({ files, packing, maxLength, batchSize, streaming, sampling }: DataOptions): void {
  if (files.length === 0) throw new AttuneError('config', 'no data file is given');
  if (packing !== false && maxLength === null) {
    throw new AttuneError('config', 'packing needs max_length');
  }
  if (maxLength !== null && maxLength < 2) {
    throw new AttuneError('config', `max_length is ${maxLength}; a row needs two tokens to train`);
  }
  if (streaming && sampling === 'group_by_length') {
    throw new AttuneError(
      'config',
      'group_by_length needs all lengths: not with dataset_streaming',
    );
  }
  if (batchSize < 1) throw new AttuneError('config', 'the batch size must be at least 1');
}
