import type { DataOptions } from '../data/options.ts';
import type { Place, Shape } from '../data/record.ts';
import { pack } from '../pack/pack.ts';
import type { Packed } from '../pack/packed.ts';
import type { EncodedRow } from './encode.ts';
import { countTrained } from './labels.ts';
import type { Block, BlockCounts } from './messages.ts';

/** A parsed row and where it stands. */
export interface PlacedRow {
  value: unknown;
  shape: Shape;
  place: Place;
}

const shownExamples = 5;

/**
 * Encodes and packs the rows of a block. Packed rows in which nothing is trained (fragments of
 * documents whose trained part lies elsewhere) are left out: they change no gradient. Throws as
 * `encode` does.
 */
export function encodeBlock(
  rows: Iterable<PlacedRow>,
  encode: (row: unknown, shape: Shape, place: Place) => EncodedRow,
  options: Pick<DataOptions, 'packing' | 'maxLength'>,
): Block {
  const kept: EncodedRow[] = [];
  const places: Place[] = [];
  const counts: BlockCounts = { read: 0, trained: 0, truncated: 0, leftOut: [] };
  for (const { value, shape, place } of rows) {
    const row = encode(value, shape, place);
    counts.read++;
    if (row.dropped !== null) {
      leaveOut(counts, row.dropped, place);
      continue;
    }
    kept.push(row);
    places.push(place);
  }
  const lengths = Int32Array.from(kept, (row) => row.ids.length);
  const packed = dropUntrained(pack(lengths, options.packing, options.maxLength), kept);
  const reached = new Set(trainedDocuments(packed, kept));
  kept.forEach((row, document) => {
    if (reached.has(document)) {
      counts.trained++;
      if (row.truncated) counts.truncated++;
    } else {
      leaveOut(counts, 'nothing left to train once cut at row ends', places[document] as Place);
    }
  });
  return { ...flatten(packed, kept), counts };
}

function leaveOut(counts: BlockCounts, reason: string, place: Place): void {
  let entry = counts.leftOut.find((each) => each.reason === reason);
  if (entry === undefined) {
    entry = { reason, count: 0, examples: [] };
    counts.leftOut.push(entry);
  }
  entry.count++;
  if (entry.examples.length < shownExamples) entry.examples.push(`${place.file}:${place.line}`);
}

function trainedIn(packed: Packed, piece: number, rows: readonly EncodedRow[]): number {
  const row = rows[packed.documents[piece] ?? 0] as EncodedRow;
  return countTrained(row.labels, packed.starts[piece], packed.ends[piece]);
}

function trainedDocuments(packed: Packed, rows: readonly EncodedRow[]): Int32Array {
  return packed.documents.filter((_, piece) => trainedIn(packed, piece, rows) > 0);
}

function dropUntrained(packed: Packed, rows: readonly EncodedRow[]): Packed {
  const keptPieces: number[] = [];
  const ends = [0];
  for (let row = 0; row + 1 < packed.rows.length; row++) {
    const pieces: number[] = [];
    for (let piece = packed.rows[row] ?? 0; piece < (packed.rows[row + 1] ?? 0); piece++) {
      pieces.push(piece);
    }
    if (!pieces.some((piece) => trainedIn(packed, piece, rows) > 0)) continue;
    keptPieces.push(...pieces);
    ends.push(keptPieces.length);
  }
  const chosen = Int32Array.from(keptPieces);
  return {
    documents: chosen.map((piece) => packed.documents[piece] ?? 0),
    starts: chosen.map((piece) => packed.starts[piece] ?? 0),
    ends: chosen.map((piece) => packed.ends[piece] ?? 0),
    rows: Int32Array.from(ends),
  };
}

/** Copies ids and labels in the order of the packed rows. */
function flatten(packed: Packed, rows: readonly EncodedRow[]): Omit<Block, 'counts'> {
  const count = packed.documents.length;
  const pieces = new Int32Array(count + 1);
  for (let i = 0; i < count; i++) {
    pieces[i + 1] = (pieces[i] ?? 0) + (packed.ends[i] ?? 0) - (packed.starts[i] ?? 0);
  }
  const total = pieces[count] ?? 0;
  const block = { ids: new Int32Array(total), labels: new Int32Array(total) };
  for (let i = 0; i < count; i++) {
    const row = rows[packed.documents[i] ?? 0] as EncodedRow;
    const [start, end] = [packed.starts[i] ?? 0, packed.ends[i] ?? 0];
    block.ids.set(row.ids.subarray(start, end), pieces[i]);
    block.labels.set(row.labels.subarray(start, end), pieces[i]);
  }
  return { ...block, pieces, rows: packed.rows };
}
