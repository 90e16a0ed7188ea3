import type { Accounting, SourceAccount } from '../data/options.ts';
import { countTrained } from '../worker/labels.ts';
import type { Block } from '../worker/messages.ts';
import { rowCount } from './order.ts';

const shownExamples = 5;

/** Adds up blocks of a dataset of these sources. `capacity` is the length of a packed row, null when not packing. */
export function account(
  blocks: readonly Block[],
  sources: SourceAccount[],
  capacity: number | null,
): Accounting {
  const sum: Accounting = {
    sources,
    available: sources.reduce((total, { used }) => total + used, 0),
    read: 0,
    trained: 0,
    leftOut: [],
    truncated: 0,
    tokens: 0,
    trainedTokens: 0,
    rows: 0,
    fill: 1,
  };
  for (const block of blocks) {
    sum.read += block.counts.read;
    sum.trained += block.counts.trained;
    sum.truncated += block.counts.truncated;
    sum.tokens += block.ids.length;
    sum.rows += rowCount(block);
    for (let piece = 0; piece + 1 < block.pieces.length; piece++) {
      sum.trainedTokens += countTrained(block.labels, block.pieces[piece], block.pieces[piece + 1]);
    }
    for (const { reason, count, examples } of block.counts.leftOut) {
      addReason(sum.leftOut, reason, count, examples);
    }
  }
  if (capacity !== null && sum.rows > 0) sum.fill = sum.tokens / (sum.rows * capacity);
  return sum;
}

function addReason(
  leftOut: Accounting['leftOut'],
  reason: string,
  count: number,
  examples: readonly string[],
): void {
  let entry = leftOut.find((each) => each.reason === reason);
  if (entry === undefined) {
    entry = { reason, count: 0, examples: [] };
    leftOut.push(entry);
  }
  entry.count += count;
  entry.examples.push(...examples.slice(0, shownExamples - entry.examples.length));
}
