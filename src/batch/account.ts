import type { Accounting, SourceAccount } from '../data/options.ts';
import type { BlockAccount } from './section.ts';

/** Rows that are named of those that share a reason. */
export const shownExamples = 5;

/**
 * Adds up what became of rows, block by block. `capacity` is the length of a packed row, null when not
 * packing; `place` names a row.
 */
export class Account {
  private readonly sum: Omit<Accounting, 'sources' | 'available' | 'fill'> = {
    read: 0,
    trained: 0,
    leftOut: [],
    quarantined: { count: 0, examples: [] },
    truncated: 0,
    tokens: 0,
    trainedTokens: 0,
    rows: 0,
  };

  constructor(private readonly capacity: number | null) {}

  add(block: BlockAccount, place: (row: number) => string): void {
    const { sum } = this;
    sum.read += block.read;
    sum.trained += block.trained;
    sum.truncated += block.truncated;
    sum.tokens += block.tokens;
    sum.trainedTokens += block.trainedTokens;
    sum.rows += block.rows;
    for (const { reason, row } of block.leftOut) this.leaveOut(reason, () => place(row));
    const { quarantined: bad } = sum;
    bad.count += block.quarantined.count;
    bad.examples.push(...block.quarantined.examples.slice(0, shownExamples - bad.examples.length));
  }

  /** Begins with what an earlier part of the run has counted. */
  goOn({ sources: _, available: __, fill: ___, ...sum }: Accounting): void {
    Object.assign(this.sum, structuredClone(sum));
  }

  /** The sum so far, of an epoch of `available` rows of data. */
  total(sources: SourceAccount[], available: number | null): Accounting {
    const { sum } = this;
    const room = this.capacity === null ? sum.tokens : sum.rows * this.capacity;
    return {
      sources,
      available,
      ...sum,
      leftOut: sum.leftOut.map((each) => ({ ...each })),
      quarantined: { ...sum.quarantined, examples: [...sum.quarantined.examples] },
      fill: room > 0 ? sum.tokens / room : 1,
    };
  }

  private leaveOut(reason: string, place: () => string): void {
    const { leftOut } = this.sum;
    let entry = leftOut.find((each) => each.reason === reason);
    if (entry === undefined) {
      entry = { reason, count: 0, examples: [] };
      leftOut.push(entry);
    }
    entry.count++;
    if (entry.examples.length < shownExamples) entry.examples.push(place());
  }
}
