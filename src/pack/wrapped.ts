import type { Packed } from './packed.ts';

/**
 * Concatenates documents and cuts every `capacity` tokens; the last row may be short. Pieces keep
 * to their documents: nothing attends, and no label reaches, from one document into the next. TRL
 * joins them into one sequence instead (and, in 1.13, takes wrong tokens from tables that do not
 * start at offset 0).
 */
export function packWrapped(lengths: Int32Array, capacity: number): Packed {
  let total = 0;
  for (const length of lengths) total += length;
  const full = Math.ceil(total / capacity);
  const documents = new Int32Array(lengths.length + full);
  const starts = new Int32Array(documents.length);
  const ends = new Int32Array(documents.length);
  const rows = new Int32Array(full + 1);
  let piece = 0;
  let row = 0;
  let room = capacity;
  for (let document = 0; document < lengths.length; document++) {
    const length = lengths[document]!;
    for (let start = 0; start < length; piece++) {
      const end = Math.min(length, start + room);
      documents[piece] = document;
      starts[piece] = start;
      ends[piece] = end;
      room -= end - start;
      start = end;
      if (room > 0) continue;
      rows[++row] = piece + 1;
      room = capacity;
    }
  }
  if (room < capacity) rows[++row] = piece;
  return {
    documents: documents.slice(0, piece),
    starts: starts.slice(0, piece),
    ends: ends.slice(0, piece),
    rows,
  };
}
