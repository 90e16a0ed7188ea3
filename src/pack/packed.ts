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
  const documents = Int32Array.from(lengths.keys()).filter((index) => (lengths[index] ?? 0) > 0);
  return {
    documents,
    starts: new Int32Array(documents.length),
    ends: documents.map((index) => lengths[index] ?? 0),
    rows: Int32Array.from({ length: documents.length + 1 }, (_, row) => row),
  };
}
