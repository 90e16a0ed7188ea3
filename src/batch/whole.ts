import { FileLog, type WordLog } from '../cache/log.ts';
import { RowCache } from '../cache/rows.ts';
import type { Accounting, DataOptions, Quarantine } from '../data/options.ts';
import { Spool } from '../data/spool.ts';
import { AttuneError } from '../errors.ts';
import { EncodePool } from '../worker/pool.ts';
import { Account } from './account.ts';
import type { Data } from './data.ts';
import { closedError, Encoding } from './encoding.ts';
import { type RowReference, rowsInOrder, type Skip } from './order.ts';
import { Records } from './records.ts';
import { type BadPlace, Section } from './section.ts';
import { DocumentStore } from './store.ts';

/** Milliseconds that closing waits for the name under which rows are left to later runs. */
const patience = 2000;

/** All rows of the files as one section: shuffled as a whole, their tokens in a file. */
export class Whole implements Data {
  private readonly section: Section;
  private readonly encoding: Encoding;
  private readonly store: DocumentStore;
  private cache: RowCache | null = null;
  private pool: EncodePool | null = null;
  private closing: Promise<void> | null = null;
  /** Bad rows that were not told yet. */
  private bad: BadPlace[] = [];

  private constructor(
    private readonly options: DataOptions,
    readonly records: Records,
    private readonly spool: Spool,
    private readonly quarantine: Quarantine,
  ) {
    const rows = records.order(options);
    this.store = new DocumentStore(records.total, () => new FileLog(this.spool.newFile('tokens')));
    this.encoding = new Encoding(records, rows, this.store, () => this.threads(), options.readAll);
    this.section = new Section(records, rows, this.store, this.encoding, options, {
      onCorrupt: (log) => this.discard(log),
      onBad: (found) => this.noteBad(found),
    });
  }

  static async open(options: DataOptions, quarantine: Quarantine): Promise<Whole> {
    const spool = new Spool();
    try {
      return new Whole(options, await Records.open(options, spool), spool, quarantine);
    } catch (error) {
      spool.close();
      throw error;
    }
  }

  get sources(): Records['sources'] {
    return this.records.sources;
  }

  /** Begins to encode what earlier runs did not. */
  async start(): Promise<void> {
    if (this.options.cache) {
      this.cache = new RowCache(this.options, this.records.files);
      const adopted = this.adopt(this.cache);
      if (this.cache.isQuick) await adopted;
    }
    const { length } = this.section.rows;
    const all = this.encoding.reach(this.options.readAll ? length : 0);
    all.then(() => (this.encoding.reached === length ? this.leave() : undefined)).catch(() => {});
  }

  rows(epoch: number, skip: Skip): AsyncGenerator<RowReference> {
    return rowsInOrder(this.section, this.options, epoch, skip);
  }

  async accounting(): Promise<Accounting> {
    for (let block = 0; block < this.section.count; block++) {
      if (this.section.accounts[block] === null) await this.section.layout(block);
    }
    this.tellBad();
    const accounting = this.accountingSoFar();
    checkSome(accounting);
    return accounting;
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
    const failed = this.encoding.failed;
    this.encoding.end(closedError());
    await this.pool?.close();
    if (!failed) {
      const late = setTimeout(() => this.cache?.close(), patience);
      await this.leave();
      clearTimeout(late);
    }
    this.cache?.close();
    this.store.close();
    this.spool.close();
  }

  private async adopt(cache: RowCache): Promise<void> {
    for (const { log, rows, columns } of await cache.segments()) {
      if (this.closing !== null || rows.some((row) => row >= this.records.total)) log.close();
      else this.store.adopt(log, rows, columns);
    }
  }

  /** Leaves what was encoded to later runs. */
  private async leave(): Promise<void> {
    const added = this.cache && this.store.seal();
    if (added?.log instanceof FileLog) await this.cache?.leave({ ...added, log: added.log });
  }

  /** Where all rows are read anyway, bad ones are told in the order of the files. */
  private noteBad(found: readonly BadPlace[]): void {
    for (const bad of found) this.bad.push(bad);
    if (!this.options.readAll) this.tellBad();
  }

  private tellBad(): void {
    const bad = this.bad.splice(0).sort((a, b) => a.row - b.row);
    if (bad.length > 0) this.quarantine(this.records.badRows(bad));
  }

  private discard(log: WordLog): void {
    if (log instanceof FileLog) this.cache?.discard(log);
  }

  /** Threads are started when there is something to encode. */
  private threads(): EncodePool {
    this.pool ??= new EncodePool({ options: this.options });
    return this.pool;
  }
}

/** Throws `data` where every row is bad. */
function checkSome({ read, quarantined: { count, examples } }: Accounting): void {
  if (count === 0 || count < read) return;
  throw new AttuneError('data', `no row is good of ${read}; the first error: ${examples[0]}`);
}
