import { type CutOptions, cutDocument } from '../pack/cut.ts';
import { pack } from '../pack/pack.ts';
import type { Packed } from '../pack/packed.ts';
import type { DocumentStore } from './store.ts';

export type LayoutOptions = CutOptions;

/**
 * How rows of data lie in packed rows: piece p is tokens [starts[p], ends[p]) of the row of data
 * documents[p]; packed row r is the pieces [rows[r], rows[r + 1]).
 */
export interface Layout extends Packed {
  /** What became of the rows of data; read = trained + left out + quarantined. */
  counts: LayoutCounts;
}

export interface LayoutCounts {
  read: number;
  trained: number;
  /** Trained, but with tokens cut off. */
  truncated: number;
  leftOut: { reason: string; row: number }[];
  /** Bad rows, in the order of the files. */
  quarantined: number[];
}

/** Tokens of a layout, and how many of them are trained. */
export interface LayoutTokens {
  tokens: number;
  trainedTokens: number;
}

/** Packed rows of a layout. */
export function rowCount({ rows }: Pick<Layout, 'rows'>): number {
  return rows.length - 1;
}

/**
 * Cuts and packs rows. Packed rows in which nothing is trained (parts of documents whose trained part
 * lies elsewhere) are left out: they change no gradient. Throws as the store does.
 */
export function layOut(given: Uint32Array, store: DocumentStore, options: LayoutOptions): Layout {
  const counts: LayoutCounts = {
    read: given.length,
    trained: 0,
    truncated: 0,
    leftOut: [],
    quarantined: [],
  };
  const kept = new Uint32Array(given.length);
  const froms = new Int32Array(given.length);
  const lengths = new Int32Array(given.length);
  const truncated = new Uint8Array(given.length);
  let count = 0;
  for (const row of given) {
    if (store.isBad(row)) {
      counts.quarantined.push(row);
      continue;
    }
    const cut = cutDocument(store.length(row), options, (from, to) => store.trains(row, from, to));
    if (cut.dropped !== null) {
      counts.leftOut.push({ reason: cut.dropped, row });
      continue;
    }
    kept[count] = row;
    froms[count] = cut.start;
    lengths[count] = cut.end - cut.start;
    truncated[count] = cut.truncated ? 1 : 0;
    count++;
  }
  counts.quarantined.sort((a, b) => a - b);
  const packed = pack(lengths.subarray(0, count), options.packing, options.maxLength);
  const cuts = options.packing === 'bfd_split' || options.packing === 'wrapped';
  const trains = (piece: number): boolean => {
    const document = packed.documents[piece]!;
    const from = froms[document]!;
    return store.trains(kept[document]!, from + packed.starts[piece]!, from + packed.ends[piece]!);
  };
  // Documents that are packed whole have something to train.
  const { layout, reached } = cuts ? dropUntrained(packed, count, trains) : all(packed, count);
  for (let document = 0; document < count; document++) {
    if (reached[document] === 0) {
      const reason = 'nothing left to train once cut at row ends';
      counts.leftOut.push({ reason, row: kept[document]! });
      continue;
    }
    counts.trained++;
    counts.truncated += truncated[document]!;
  }
  for (let piece = 0; piece < layout.documents.length; piece++) {
    const document = layout.documents[piece]!;
    layout.documents[piece] = kept[document]!;
    layout.starts[piece]! += froms[document]!;
    layout.ends[piece]! += froms[document]!;
  }
  return { ...layout, counts };
}

/** Counts the tokens of a layout. Throws as the store does. */
export function countTokens(
  { documents, starts, ends }: Layout,
  store: DocumentStore,
): LayoutTokens {
  const sum = { tokens: 0, trainedTokens: 0 };
  for (let piece = 0; piece < documents.length; piece++) {
    sum.tokens += ends[piece]! - starts[piece]!;
    sum.trainedTokens += store.trained(documents[piece]!, starts[piece]!, ends[piece]!);
  }
  return sum;
}

/** A layout of indices of documents, and which documents have something trained in it. */
interface Reached {
  layout: Packed;
  reached: Uint8Array;
}

function all(layout: Packed, documents: number): Reached {
  return { layout, reached: new Uint8Array(documents).fill(1) };
}

function dropUntrained(
  packed: Packed,
  documents: number,
  trains: (piece: number) => boolean,
): Reached {
  const reached = new Uint8Array(documents);
  const pieces: number[] = [];
  const ends = [0];
  for (let row = 0; row < rowCount(packed); row++) {
    const first = packed.rows[row]!;
    const last = packed.rows[row + 1]!;
    let some = false;
    for (let piece = first; piece < last; piece++) {
      if (!trains(piece)) continue;
      some = true;
      reached[packed.documents[piece]!] = 1;
    }
    if (!some) continue;
    for (let piece = first; piece < last; piece++) pieces.push(piece);
    ends.push(pieces.length);
  }
  const chosen = Int32Array.from(pieces);
  const layout = {
    documents: chosen.map((piece) => packed.documents[piece]!),
    starts: chosen.map((piece) => packed.starts[piece]!),
    ends: chosen.map((piece) => packed.ends[piece]!),
    rows: Int32Array.from(ends),
  };
  return { layout, reached };
}
