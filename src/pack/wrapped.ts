import type { Packed } from './packed.ts';

/**
 * Concatenates documents and cuts every `capacity` tokens; the last row may be short. Pieces keep
 * to their documents: nothing attends, and no label reaches, from one document into the next. TRL
 * joins them into one sequence instead (and, in 1.13, takes wrong tokens from tables that do not
 * start at offset 0).
 */
export function packWrapped(lengths: Int32Array, capacity: number): Packed {
  const documents: number[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  const rows: number[] = [0];
  let room = capacity;
  lengths.forEach((length, document) => {
    for (let start = 0; start < length; ) {
      const end = Math.min(length, start + room);
      documents.push(document);
      starts.push(start);
      ends.push(end);
      room -= end - start;
      start = end;
      if (room === 0) {
        rows.push(documents.length);
        room = capacity;
      }
    }
  });
  if (room < capacity) rows.push(documents.length);
  return {
    documents: Int32Array.from(documents),
    starts: Int32Array.from(starts),
    ends: Int32Array.from(ends),
    rows: Int32Array.from(rows),
  };
}
