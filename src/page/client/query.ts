import { type Columns, FLAGS } from '../model.ts';
import { pause } from './dom.ts';
import { ordered } from './order.ts';
import type { Store } from './store.ts';

export type Sort = 'file' | 'longest' | 'shortest' | 'share' | 'loss' | 'worst' | 'repeats';

/** A value of each row that a histogram shows. */
export type Measure = 'tokens' | 'share' | 'loss';

/** Which rows are listed, and in which order. */
export interface Query {
  /** Bits of FLAGS that a row must have, all of them. */
  flags: number;
  /** Place of the only source; -1: all. */
  source: number;
  /** Rows from `from` to below `to`. */
  range: { measure: Measure; from: number; to: number } | null;
  /** A row of the page; those that repeat it, and itself. */
  group: number | null;
  text: string;
  sort: Sort;
}

export const everything: Query = {
  flags: 0,
  source: -1,
  range: null,
  group: null,
  text: '',
  sort: 'file',
};

export function measured(columns: Columns, measure: Measure, row: number): number {
  if (measure === 'tokens') return columns.whole[row] ?? 0;
  if (measure === 'loss') return columns.loss[row] ?? Number.NaN;
  return (100 * (columns.trained[row] ?? 0)) / Math.max(1, columns.tokens[row] ?? 0);
}

/** Rows that the columns alone let through, as 1. */
export function matching({ columns, rows }: Store, query: Query): Uint8Array {
  const { flags, source, range, group } = query;
  const wanted = new Uint8Array(rows);
  for (let row = 0; row < rows; row++) {
    if (((columns.flags[row] ?? 0) & flags) !== flags) continue;
    if (source >= 0 && columns.source[row] !== source) continue;
    if (group !== null && row !== group && columns.repeats[row] !== group + 1) continue;
    if (range !== null) {
      const value = measured(columns, range.measure, row);
      if (!(value >= range.from && value < range.to)) continue;
    }
    wanted[row] = 1;
  }
  return wanted;
}

/** Rows with a 1, sorted. */
export function sorted(
  { columns }: Store,
  wanted: Uint8Array,
  sort: Sort,
): Uint32Array<ArrayBuffer> {
  let size = 0;
  for (const one of wanted) size += one;
  const order = new Uint32Array(size);
  let next = 0;
  for (let row = 0; row < wanted.length; row++) if (wanted[row] === 1) order[next++] = row;
  const key = keyOf(columns, sort);
  return key === null ? order : ordered(order, key);
}

/** The least comes first. Rows without a loss come last. */
function keyOf(columns: Columns, sort: Sort): ((row: number) => number) | null {
  const last = (value: number | undefined): number =>
    value === undefined || Number.isNaN(value) ? Number.POSITIVE_INFINITY : -value;
  switch (sort) {
    case 'file':
      return null;
    case 'longest':
      return (row) => -(columns.whole[row] ?? 0);
    case 'shortest':
      return (row) => columns.whole[row] ?? 0;
    case 'share':
      return (row) => measured(columns, 'share', row);
    case 'loss':
      return (row) => last(columns.loss[row]);
    case 'worst':
      return (row) => last(columns.worst[row]);
    case 'repeats':
      return (row) => (columns.repeats[row] || row + 1) - 1;
  }
}

/** Bits whose rows are best read in groups. */
export const grouped = FLAGS.exact | FLAGS.near | FLAGS.leak;

/**
 * Takes the rows out of `wanted` that the text does not find. `#12` is a row's number, `id:29871`
 * a token, `/…/` a regular expression, anything else a part of the text in any case. Goes on in
 * slices of time; `turn` is called between them with the chunks done, and false ends the search.
 * Throws SyntaxError for a regular expression that is none.
 */
export async function search(
  store: Store,
  text: string,
  wanted: Uint8Array,
  turn: (chunks: number) => boolean,
): Promise<void> {
  const number = /^#(\d+)$/.exec(text)?.[1];
  if (number !== undefined) {
    for (let row = 0; row < wanted.length; row++) {
      if (store.columns.index[row] !== Number(number)) wanted[row] = 0;
    }
    return;
  }
  const id = /^id:(\d+)$/.exec(text)?.[1];
  const matches = matcher(text);
  let until = performance.now() + 30;
  for (let chunk = 0; chunk < store.chunks; chunk++) {
    await store.visit(chunk, wanted, (row, reading) => {
      const found =
        id === undefined ? matches(reading.text()) : reading.tokens().ids.includes(Number(id));
      if (!found) wanted[row] = 0;
    });
    if (performance.now() < until) continue;
    await pause();
    if (!turn(chunk + 1)) return;
    until = performance.now() + 30;
  }
}

function matcher(text: string): (of: string) => boolean {
  const source = /^\/(.+)\/$/.exec(text)?.[1];
  // Searching in any case without copying every text in lower case.
  const pattern = source ?? text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  const expression = new RegExp(pattern, source === undefined ? 'i' : 'iu');
  return (of) => expression.test(of);
}
