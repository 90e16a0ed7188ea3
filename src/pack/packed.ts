/**
 * How documents lie in rows. Piece i is [starts[i], ends[i]) of document documents[i]; row r is
 * the pieces [rows[r], rows[r + 1]).
 */
export interface Packed {
  documents: Int32Array;
  starts: Int32Array;
  ends: Int32Array;
  rows: Int32Array;
}

/** Every document a row of its own; empty ones have none. `lengths` in tokens. */
export function unpacked(lengths: Int32Array): Packed {
  let count = 0;
  for (const length of lengths) if (length > 0) count++;
  const packed = {
    documents: new Int32Array(count),
    starts: new Int32Array(count),
    ends: new Int32Array(count),
    rows: new Int32Array(count + 1),
  };
  let row = 0;
  for (let document = 0; document < lengths.length; document++) {
    if (lengths[document]! <= 0) continue;
    packed.documents[row] = document;
    packed.ends[row] = lengths[document]!;
    packed.rows[++row] = row;
  }
  return packed;
}
