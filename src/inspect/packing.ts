import { pack } from '../pack/pack.ts';
import type { PackingChoice } from '../page/model.ts';

/** Rows packed together, as in training. */
const blockRows = 1000;
const fillBins = 20;
const strategies = [false, 'bfd', 'bfd_split', 'wrapped'] as const;
type Strategy = (typeof strategies)[number];

/** What each way of packing makes of documents of these lengths, and how full the chosen one's rows are. */
export function comparePacking(
  whole: Uint32Array,
  chosen: Strategy,
  maxLength: number | null,
): { packing: PackingChoice[]; fills: number[] } {
  const fills: number[] = new Array(fillBins).fill(0);
  const packing = strategies
    .filter((strategy) => strategy === chosen || maxLength !== null)
    .map((strategy): PackingChoice => {
      const isChosen = strategy === chosen;
      const choice = { name: strategy || 'none', chosen: isChosen, rows: 0, tokens: 0, lost: 0 };
      for (let start = 0; start < whole.length; start += blockRows) {
        const block = Int32Array.from(whole.subarray(start, start + blockRows));
        const lengths = strategy === false || strategy === 'bfd' ? cut(block, maxLength) : block;
        const { rows, starts, ends } = pack(lengths, strategy, maxLength);
        choice.rows += rows.length - 1;
        for (let row = 0; row + 1 < rows.length; row++) {
          let tokens = 0;
          for (let piece = rows[row] ?? 0; piece < (rows[row + 1] ?? 0); piece++) {
            tokens += (ends[piece] ?? 0) - (starts[piece] ?? 0);
          }
          choice.tokens += tokens;
          if (isChosen && strategy !== false && maxLength !== null) {
            fills[Math.min(fillBins - 1, Math.floor((fillBins * tokens) / maxLength))]! += 1;
          }
        }
      }
      const all = whole.reduce((sum, length) => sum + length, 0);
      const room = strategy === false ? choice.tokens : choice.rows * (maxLength ?? 0);
      return { ...choice, lost: all - choice.tokens, fill: room === 0 ? 1 : choice.tokens / room };
    });
  return { packing, fills: chosen === false ? [] : fills };
}

function cut(lengths: Int32Array, maxLength: number | null): Int32Array {
  return maxLength === null ? lengths : lengths.map((length) => Math.min(length, maxLength));
}
