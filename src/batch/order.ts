import type { DataOptions } from '../data/options.ts';
import type { Block } from '../worker/messages.ts';
import type { Blocks } from './blocks.ts';
import { groupByLength } from './grouped.ts';
import { permutation, purpose } from './random.ts';

/** A packed row: number `row` of `block`. */
export interface RowReference {
  block: Block;
  row: number;
  /** Share of the epoch's records that have been used up with this row, from 0 to 1. */
  progress: number;
}

/** Packed rows of a block. */
export function rowCount(block: Block): number {
  return block.rows.length - 1;
}

/**
 * Packed rows in the order of an epoch, which depends on (seed, epoch) alone. Epoch 0 takes blocks
 * as they are encoded, so that training can begin with the first; later random epochs permute the
 * blocks too. group_by_length has to wait for all lengths.
 */
export async function* rowsInOrder(
  blocks: Blocks,
  { sampling, seed, batchSize }: Pick<DataOptions, 'sampling' | 'seed' | 'batchSize'>,
  epoch: number,
): AsyncGenerator<RowReference> {
  if (sampling === 'group_by_length') {
    yield* groupedRows(await blocks.all(), batchSize, seed, epoch);
    return;
  }
  const random = sampling === 'random';
  const order = random && epoch > 0 ? permutation(blocks.count, purpose.blocks, seed, epoch) : null;
  let before = 0;
  for (let i = 0; i < blocks.count; i++) {
    const index = order?.[i] ?? i;
    const block = await blocks.get(index);
    const count = rowCount(block);
    const records = blocks.recordsIn(index);
    const rows = random ? permutation(count, purpose.rows, seed, epoch, index) : null;
    for (let row = 0; row < count; row++) {
      const progress = (before + (records * (row + 1)) / count) / blocks.records;
      yield { block, row: rows?.[row] ?? row, progress };
    }
    before += records;
  }
}

function* groupedRows(
  blocks: readonly Block[],
  batchSize: number,
  seed: number,
  epoch: number,
): Generator<RowReference> {
  const all: { block: Block; row: number }[] = [];
  for (const block of blocks) {
    for (let row = 0; row < rowCount(block); row++) all.push({ block, row });
  }
  const lengths = Int32Array.from(all, rowLength);
  let done = 0;
  for (const index of groupByLength(lengths, batchSize, seed, epoch)) {
    yield { ...all[index]!, progress: ++done / all.length };
  }
}

/** Tokens of a packed row. */
function rowLength({ block, row }: Pick<RowReference, 'block' | 'row'>): number {
  const { rows, pieces } = block;
  return (pieces[rows[row + 1] ?? 0] ?? 0) - (pieces[rows[row] ?? 0] ?? 0);
}
