import { packBestFit } from './bfd.ts';
import { type Packed, unpacked } from './packed.ts';
import { splitLong } from './split.ts';
import { packWrapped } from './wrapped.ts';

export type Packing = false | 'bfd' | 'bfd_split' | 'wrapped';

/**
 * Lays documents of `lengths` tokens into rows. With `bfd`, documents have been truncated to
 * `capacity` before; `bfd_split` and `wrapped` take any length. Throws RangeError where packing
 * has no capacity.
 */
export function pack(lengths: Int32Array, packing: Packing, capacity: number | null): Packed {
  if (packing === false) return unpacked(lengths);
  if (capacity === null || capacity < 1) throw new RangeError('packing needs max_length');
  if (packing === 'wrapped') return packWrapped(lengths, capacity);
  const parts = splitLong(lengths, packing === 'bfd' ? longest(lengths, capacity) : capacity);
  const partLengths = parts.ends.map((end, index) => end - (parts.starts[index] ?? 0));
  const { order, rows } = packBestFit(partLengths, capacity);
  return {
    documents: order.map((part) => parts.documents[part] ?? 0),
    starts: order.map((part) => parts.starts[part] ?? 0),
    ends: order.map((part) => parts.ends[part] ?? 0),
    rows,
  };
}

function longest(lengths: Int32Array, capacity: number): number {
  return lengths.reduce((most, length) => Math.max(most, length), capacity);
}
