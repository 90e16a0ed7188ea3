import { packBestFit } from './bfd.ts';
import { type Packed, unpacked } from './packed.ts';
import { splitLong } from './split.ts';
import { packWrapped } from './wrapped.ts';

export type Packing = false | 'bfd' | 'bfd_split' | 'wrapped';

/**
 * Lays documents of `lengths` tokens into rows. With `bfd`, documents have been truncated to
 * `capacity` before; `bfd_split` and `wrapped` take any length. Throws RangeError where packing
 * has no capacity, or a document is too long for it.
 */
export function pack(lengths: Int32Array, packing: Packing, capacity: number | null): Packed {
  if (packing === false) return unpacked(lengths);
  if (capacity === null || !(capacity >= 1)) throw new RangeError('packing needs max_length');
  if (packing === 'wrapped') return packWrapped(lengths, capacity);
  if (packing === 'bfd') {
    const { order, rows } = packBestFit(lengths, capacity);
    return {
      documents: order,
      starts: new Int32Array(order.length),
      ends: at(lengths, order),
      rows,
    };
  }
  const { documents, starts, ends } = splitLong(lengths, capacity);
  const partLengths = new Int32Array(ends.length);
  for (let part = 0; part < ends.length; part++) partLengths[part] = ends[part]! - starts[part]!;
  const { order, rows } = packBestFit(partLengths, capacity);
  return {
    documents: at(documents, order),
    starts: at(starts, order),
    ends: at(ends, order),
    rows,
  };
}

/** values[order[i]] for each i. */
function at(values: Int32Array, order: Int32Array): Int32Array {
  const picked = new Int32Array(order.length);
  for (let i = 0; i < order.length; i++) picked[i] = values[order[i]!]!;
  return picked;
}
