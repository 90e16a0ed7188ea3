import type { DataOptions } from '../data/options.ts';
import { groupByLength } from './grouped.ts';
import { type Layout, rowCount } from './layout.ts';
import { permutation, purpose } from './random.ts';
import type { Section } from './section.ts';

/** Packed row `row` of block `block`. */
export interface RowReference {
  section: Section;
  block: number;
  layout: Layout;
  row: number;
  /** Share of the section's rows of data that have been used up with this row, from 0 to 1. */
  progress: number;
}

/** Packed rows that are passed over: those of whole blocks without being read. */
export interface Skip {
  rows: number;
}

type OrderOptions = Pick<DataOptions, 'sampling' | 'seed' | 'batchSize'>;

/**
 * Packed rows in the order of an epoch, which depends on (seed, epoch) alone. Epoch 0 takes blocks
 * as they are encoded, so that training can begin with the first; later random epochs permute the
 * blocks too. group_by_length has to wait for all lengths. The first `skip.rows` are left out.
 */
export async function* rowsInOrder(
  section: Section,
  options: OrderOptions,
  epoch: number,
  skip: Skip,
): AsyncGenerator<RowReference> {
  const { sampling, seed } = options;
  if (sampling === 'group_by_length') {
    yield* groupedRows(section, options, epoch, skip);
    return;
  }
  const random = sampling === 'random';
  const order =
    random && epoch > 0
      ? permutation(section.count, purpose.blocks, seed, epoch, ...section.key)
      : null;
  let before = 0;
  for (let i = 0; i < section.count; i++) {
    const block = order?.[i] ?? i;
    const records = section.rowsIn(block);
    const known = section.accounts[block]?.rows;
    if (known !== undefined && known <= skip.rows) {
      skip.rows -= known;
      before += records;
      continue;
    }
    const layout = await section.layout(block);
    const count = rowCount(layout);
    const rows = random
      ? permutation(count, purpose.rows, seed, epoch, block, ...section.key)
      : null;
    for (let row = Math.min(skip.rows, count); row < count; row++) {
      const progress = (before + (records * (row + 1)) / count) / section.rows.length;
      yield { section, block, layout, row: rows?.[row] ?? row, progress };
    }
    skip.rows = Math.max(0, skip.rows - count);
    before += records;
  }
}

async function* groupedRows(
  section: Section,
  { batchSize, seed }: OrderOptions,
  epoch: number,
  skip: Skip,
): AsyncGenerator<RowReference> {
  const all: Omit<RowReference, 'progress'>[] = [];
  for (let block = 0; block < section.count; block++) {
    const layout = await section.layout(block);
    for (let row = 0; row < rowCount(layout); row++) all.push({ section, block, layout, row });
  }
  const lengths = Int32Array.from(all, rowLength);
  let done = 0;
  for (const index of groupByLength(lengths, batchSize, seed, epoch)) {
    const progress = ++done / all.length;
    if (skip.rows > 0) skip.rows--;
    else yield { ...all[index]!, progress };
  }
}

/** Tokens of a packed row. */
function rowLength({ layout, row }: Pick<RowReference, 'layout' | 'row'>): number {
  const { starts, ends, rows } = layout;
  let sum = 0;
  for (let piece = rows[row]!; piece < rows[row + 1]!; piece++)
    sum += ends[piece]! - starts[piece]!;
  return sum;
}
