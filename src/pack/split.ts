/** Parts of documents: part i is [starts[i], ends[i]) of document documents[i]. */
export interface Fragments {
  documents: Int32Array;
  starts: Int32Array;
  ends: Int32Array;
}

/** Cuts documents longer than `capacity` into parts of that length, the last one shorter. */
export function splitLong(lengths: Int32Array, capacity: number): Fragments {
  let count = 0;
  for (const length of lengths) count += Math.ceil(length / capacity);
  const parts = {
    documents: new Int32Array(count),
    starts: new Int32Array(count),
    ends: new Int32Array(count),
  };
  let part = 0;
  for (let document = 0; document < lengths.length; document++) {
    const length = lengths[document]!;
    for (let start = 0; start < length; start += capacity, part++) {
      parts.documents[part] = document;
      parts.starts[part] = start;
      parts.ends[part] = Math.min(length, start + capacity);
    }
  }
  return parts;
}
