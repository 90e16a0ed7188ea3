import type { ByteReader, ByteWriter } from './bytes.ts';

/** A row's text and tokens, as a page holds them. Arrays are as long as the row has tokens. */
export interface PageRow {
  text: string;
  ids: Int32Array;
  /** [start, end) of each token in turn, in UTF-16 units of `text`. */
  offsets: Int32Array;
  /** 1 where the token is a target. */
  trained: Uint8Array;
  /** Nats of trained tokens in steps of 1/16, at most 254 of them, or NO_LOSS; null: none were computed. */
  losses: Uint8Array | null;
}

/** Steps of a token's loss in a nat. */
export const LOSS_STEPS = 16;
/** In place of a loss that was not computed. */
export const NO_LOSS = 255;

/** One row, its length first, so that others can be passed over. */
export function writeRow(out: ByteWriter, row: PageRow, scratch: ByteWriter): void {
  scratch.text(row.text);
  scratch.count(row.ids.length);
  scratch.byte(row.losses === null ? 0 : 1);
  let end = 0;
  for (let i = 0; i < row.ids.length; i++) {
    const start = row.offsets[2 * i] as number;
    scratch.count(2 * (row.ids[i] as number) + (row.trained[i] as number));
    scratch.signed(start - end);
    end = row.offsets[2 * i + 1] as number;
    scratch.count(end - start);
  }
  for (const loss of row.losses ?? []) scratch.byte(loss);
  const bytes = scratch.take();
  out.count(bytes.length);
  out.append(bytes);
}

export function readRow(from: ByteReader): PageRow {
  from.count();
  const text = from.text();
  const length = from.count();
  const hasLosses = from.byte() === 1;
  const row: PageRow = {
    text,
    ids: new Int32Array(length),
    offsets: new Int32Array(2 * length),
    trained: new Uint8Array(length),
    losses: hasLosses ? new Uint8Array(length) : null,
  };
  let end = 0;
  for (let i = 0; i < length; i++) {
    const id = from.count();
    row.ids[i] = Math.floor(id / 2);
    row.trained[i] = id % 2;
    const start = end + from.signed();
    end = start + from.count();
    row.offsets.set([start, end], 2 * i);
  }
  for (let i = 0; row.losses !== null && i < length; i++) row.losses[i] = from.byte();
  return row;
}

/** The text alone. */
export function readText(from: ByteReader): string {
  from.count();
  return from.text();
}

/** Where each row begins. */
export function rowStarts(from: ByteReader): number[] {
  const starts: number[] = [];
  while (!from.done) {
    starts.push(from.at);
    from.skip(from.count());
  }
  return starts;
}
