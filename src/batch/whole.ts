import type { Accounting, DataOptions } from '../data/options.ts';
import { Spool } from '../data/spool.ts';
import { EncodePool } from '../worker/pool.ts';
import { Account } from './account.ts';
import { closedError, Encoding } from './encoding.ts';
import { FileLog } from './log.ts';
import { type RowReference, rowsInOrder, type Skip } from './order.ts';
import { Records } from './records.ts';
import { Section } from './section.ts';
import { DocumentStore } from './store.ts';

/** All rows of the files as one section: shuffled as a whole, their tokens in a file. */
export class Whole {
  private readonly section: Section;
  private readonly encoding: Encoding;
  private readonly store: DocumentStore;
  private readonly spool = new Spool();
  private pool: EncodePool | null = null;
  private closing: Promise<void> | null = null;

  private constructor(
    private readonly options: DataOptions,
    readonly records: Records,
  ) {
    const rows = records.order(options.sampling);
    this.store = new DocumentStore(records.total, new FileLog(this.spool.newFile('tokens')));
    this.encoding = new Encoding(records, rows, this.store, () => this.threads(), options.readAll);
    this.section = new Section(records, rows, this.store, this.encoding, options);
  }

  static async open(options: DataOptions): Promise<Whole> {
    return new Whole(options, await Records.open(options));
  }

  /** Begins to encode. */
  start(): void {
    this.encoding.reach(0).catch(() => {});
  }

  rows(epoch: number, skip: Skip): AsyncGenerator<RowReference> {
    return rowsInOrder(this.section, this.options, epoch, skip);
  }

  async accounting(): Promise<Accounting> {
    for (let block = 0; block < this.section.count; block++) {
      if (this.section.accounts[block] === null) await this.section.layout(block);
    }
    return this.accountingSoFar();
  }

  accountingSoFar(): Accounting {
    const { packing, maxLength } = this.options;
    const account = new Account(packing === false ? null : maxLength);
    for (const block of this.section.accounts) {
      if (block) account.add(block, (row) => this.records.place(row));
    }
    return account.total(this.records.accounts, this.records.length);
  }

  get progress(): { read: number; available: number } {
    return { read: this.encoding.reached, available: this.records.length };
  }

  longest(): Promise<number> {
    return this.section.longest();
  }

  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    this.encoding.end(closedError());
    await this.pool?.close();
    this.store.close();
    this.spool.close();
    this.records.close();
  }

  /** Threads are started when there is something to encode. */
  private threads(): EncodePool {
    this.pool ??= new EncodePool({ options: this.options });
    return this.pool;
  }
}
