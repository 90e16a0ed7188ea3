/** Parts of documents: part i is [starts[i], ends[i]) of document documents[i]. */
export interface Fragments {
  documents: Int32Array;
  starts: Int32Array;
  ends: Int32Array;
}

/** Cuts documents longer than `capacity` into parts of that length, the last one shorter. */
export function splitLong(lengths: Int32Array, capacity: number): Fragments {
  const documents: number[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  lengths.forEach((length, document) => {
    for (let start = 0; start < length; start += capacity) {
      documents.push(document);
      starts.push(start);
      ends.push(Math.min(length, start + capacity));
    }
  });
  return {
    documents: Int32Array.from(documents),
    starts: Int32Array.from(starts),
    ends: Int32Array.from(ends),
  };
}

/** The part [start, end) of a document of `length` that stays when it is cut to `capacity`. */
export function truncated(
  length: number,
  capacity: number | null,
  mode: 'keep_start' | 'keep_end',
): [number, number] {
  if (capacity === null || length <= capacity) return [0, length];
  return mode === 'keep_start' ? [0, capacity] : [length - capacity, length];
}
