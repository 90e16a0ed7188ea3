import type { WordLog } from '../cache/log.ts';
import type { DataOptions } from '../data/options.ts';
import type { Document, Fault } from '../worker/documents.ts';
import { shownExamples } from './account.ts';
import type { Encoding } from './encoding.ts';
import {
  countTokens,
  type Layout,
  type LayoutCounts,
  type LayoutTokens,
  layOut,
  rowCount,
} from './layout.ts';
import type { Records } from './records.ts';
import { CorruptLog, type DocumentStore } from './store.ts';

/** Where nothing is packed the first blocks are smaller, so that training begins sooner. */
const firstBlocks = [100, 100, 200, 400];
const unpackedRows = 1000;

/** Where each block of `length` rows starts, and where the last one ends. `packed`: rows packed together; null: all. */
export function blockBounds(length: number, packed: number | null | false): number[] {
  const bounds = [0];
  for (let end = 0; end < length; ) {
    const rows = packed === false ? (firstBlocks[bounds.length - 1] ?? unpackedRows) : packed;
    end = Math.min(length, end + (rows ?? length));
    bounds.push(end);
  }
  return bounds;
}

/** What is known of a block once it has been laid out. */
export interface BlockAccount extends Omit<LayoutCounts, 'quarantined'>, LayoutTokens {
  /** Packed rows. */
  rows: number;
  /** Bad rows, and what is wrong with the first of them. */
  quarantined: { count: number; examples: string[] };
}

/** A bad row by its place among all rows. */
export interface BadPlace {
  row: number;
  fault: Fault;
}

/** Who hears of what a section finds. */
export interface SectionEvents {
  /** Of a log that is corrupt. */
  onCorrupt?(log: WordLog): void;
  /** Of the bad rows of a block, when it is first laid out. */
  onBad?(rows: readonly BadPlace[]): void;
}

/**
 * Rows of data that are shuffled together, in blocks that are packed together. Errors in the data
 * reject whichever call waits for them.
 */
export class Section {
  /** Blocks. */
  readonly count: number;
  /** Of the blocks that were laid out. */
  readonly accounts: (BlockAccount | null)[];
  private readonly bounds: number[];

  /** `rows`: places of the rows among those of `records`, in the order of the first epoch. */
  constructor(
    readonly records: Records,
    readonly rows: Uint32Array,
    readonly store: DocumentStore,
    readonly encoding: Encoding,
    private readonly options: DataOptions,
    private readonly events: SectionEvents = {},
    /** Tells its order from that of other sections. */
    readonly key: readonly number[] = [],
  ) {
    const { packing, packedTogether } = options;
    this.bounds = blockBounds(rows.length, packing === false ? false : packedTogether);
    this.count = this.bounds.length - 1;
    this.accounts = Array.from({ length: this.count }, () => null);
  }

  /** Rows of data in block `index`. */
  rowsIn(index: number): number {
    return this.bounds[index + 1]! - this.bounds[index]!;
  }

  /** Block `index`, as soon as its rows are encoded. */
  async layout(index: number): Promise<Layout> {
    const [start, end] = [this.bounds[index]!, this.bounds[index + 1]!];
    await this.encoding.reach(end);
    return this.sound(end, () => {
      const layout = layOut(this.rows.subarray(start, end), this.store, this.options);
      this.accounts[index] ??= this.account(layout);
      return layout;
    });
  }

  private account(layout: Layout): BlockAccount {
    const { quarantined, ...counts } = layout.counts;
    const tokens = countTokens(layout, this.store);
    const bad = quarantined.map((row) => ({ row, fault: this.store.fault(row) }));
    if (bad.length > 0) this.events.onBad?.(bad);
    const shown = bad.slice(0, shownExamples);
    const examples = shown.map(({ row, fault }) => this.records.faultText(row, fault));
    return {
      ...counts,
      ...tokens,
      rows: rowCount(layout),
      quarantined: { count: bad.length, examples },
    };
  }

  /** The documents of packed row `row` of block `index`, laid out as `layout`. */
  async documents(index: number, layout: Layout, row: number): Promise<Document[]> {
    const { documents, starts, ends, rows } = layout;
    return this.sound(this.bounds[index + 1]!, () => {
      const found: Document[] = [];
      for (let piece = rows[row]!; piece < rows[row + 1]!; piece++) {
        found.push(this.store.read(documents[piece]!, starts[piece]!, ends[piece]!));
      }
      return found;
    });
  }

  /** Tokens of the longest row. */
  async longest(): Promise<number> {
    await this.encoding.reach(this.rows.length);
    return this.rows.reduce((most, row) => Math.max(most, this.store.length(row)), 1);
  }

  /** What is read from a log that turns out to be corrupt is encoded again. */
  private async sound<T>(end: number, read: () => T): Promise<T> {
    for (;;) {
      try {
        return read();
      } catch (error) {
        if (!(error instanceof CorruptLog)) throw error;
        this.store.forget(error.log);
        this.events.onCorrupt?.(error.log);
        this.encoding.restart();
        await this.encoding.reach(end);
      }
    }
  }
}
