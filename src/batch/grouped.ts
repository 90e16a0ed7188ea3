import { permutation, purpose } from './random.ts';

/**
 * Order of rows for group_by_length, as Hugging Face's LengthGroupedSampler: a random order is cut
 * into mega-batches of up to 50 batches, each sorted from long to short, and the longest row of
 * all comes first, so that running out of memory happens at once.
 */
export function groupByLength(
  lengths: Int32Array,
  batchSize: number,
  seed: number,
  epoch: number,
): Uint32Array {
  const count = lengths.length;
  const batches = Math.max(1, Math.min(Math.floor(count / (4 * batchSize)), 50));
  const size = batches * batchSize;
  const order = permutation(count, purpose.lengths, seed, epoch);
  let longest = 0;
  for (let start = 0; start < count; start += size) {
    const part = order.slice(start, start + size);
    order.set(
      [...part].sort((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0)),
      start,
    );
    if (lengthAt(lengths, order, start) > lengthAt(lengths, order, longest)) longest = start;
  }
  const first = order[0] ?? 0;
  if (count > 0) order[0] = order[longest] ?? 0;
  if (count > 0) order[longest] = first;
  return order;
}

function lengthAt(lengths: Int32Array, order: Uint32Array, place: number): number {
  return lengths[order[place] ?? 0] ?? 0;
}
