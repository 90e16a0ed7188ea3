import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ShownRow } from '../batch/inspect.ts';
import { ByteWriter } from '../page/bytes.ts';
import { COLUMNS, type ColumnName, type Columns, FLAGS } from '../page/model.ts';
import { LOSS_STEPS, NO_LOSS, writeRow } from '../page/row.ts';
import { ignored } from '../worker/labels.ts';

const compress = promisify(gzip);
/** A chunk ends with the row that reaches either. */
const chunkBytes = 256 << 10;
const chunkRows = 128;

/** Collects the rows of a page: columns for all, texts and tokens in compressed chunks. */
export class RowCollector {
  readonly reasons: string[] = [];
  /** First row of each chunk. */
  readonly starts: number[] = [];
  /** Ids that stand for no text. */
  readonly unwritten = new Set<number>();
  rows = 0;
  private readonly values = Object.fromEntries(
    Object.keys(COLUMNS).map((name) => [name, [] as number[]]),
  ) as Record<ColumnName, number[]>;
  private readonly chunks: Promise<Uint8Array>[] = [];
  private readonly out = new ByteWriter();
  private readonly scratch = new ByteWriter();

  /**
   * Adds a row of `source` and returns its place in the page. `losses` [n]: nats of each token, NaN
   * where there is none; null: none were computed.
   */
  add(row: ShownRow, source: number, losses: Float32Array | null): number {
    const { ids, offsets } = row;
    const isBad = row.value === undefined;
    const text = isBad ? (row.dropped ?? '') : row.text;
    const trained = Uint8Array.from(row.labels, (label, i) => Number(i > 0 && label !== ignored));
    if (this.out.length === 0) this.starts.push(this.rows);
    writeRow(
      this.out,
      { text, ids, offsets, trained, losses: losses && Uint8Array.from(losses, lossStep) },
      this.scratch,
    );
    for (const [i, id] of ids.entries()) {
      if (offsets[2 * i] === offsets[2 * i + 1]) this.unwritten.add(id);
    }
    const { mean, worst } = lossOf(losses);
    this.push({
      index: row.index,
      line: row.place.line,
      tokens: ids.length,
      trained: trained.reduce((sum, one) => sum + one, 0),
      whole: row.whole,
      repeats: 0,
      loss: mean,
      worst,
      source,
      reason: row.dropped === null ? 0 : this.reason(isBad ? 'bad row' : row.dropped),
      flags: (row.truncated ? FLAGS.truncated : 0) | (row.dropped === null ? 0 : FLAGS.leftOut),
      similarity: 0,
    });
    const first = this.starts.at(-1) ?? 0;
    if (this.out.length >= chunkBytes || this.rows - first >= chunkRows) this.endChunk();
    return this.rows - 1;
  }

  /** All columns, and the chunks in order. */
  async finish(): Promise<{ columns: Columns; chunks: Uint8Array[] }> {
    if (this.out.length > 0) this.endChunk();
    const columns = Object.fromEntries(
      (Object.keys(COLUMNS) as ColumnName[]).map((name) => [
        name,
        COLUMNS[name].from(this.values[name]),
      ]),
    ) as Columns;
    return { columns, chunks: await Promise.all(this.chunks) };
  }

  private push(row: Record<ColumnName, number>): void {
    for (const name of Object.keys(COLUMNS) as ColumnName[]) this.values[name].push(row[name]);
    this.rows++;
  }

  private reason(text: string): number {
    const place = this.reasons.indexOf(text);
    return place >= 0 ? place + 1 : this.reasons.push(text);
  }

  /** Compression runs in other threads, while rows are being added. */
  private endChunk(): void {
    const chunk = compress(this.out.take());
    chunk.catch(() => {});
    this.chunks.push(chunk);
  }
}

function lossStep(loss: number): number {
  if (Number.isNaN(loss)) return NO_LOSS;
  return Math.min(NO_LOSS - 1, Math.round(loss * LOSS_STEPS));
}

function lossOf(losses: Float32Array | null): { mean: number; worst: number } {
  const known = (losses ?? new Float32Array(0)).filter((loss) => !Number.isNaN(loss));
  if (known.length === 0) return { mean: Number.NaN, worst: Number.NaN };
  return {
    mean: known.reduce((sum, loss) => sum + loss, 0) / known.length,
    worst: known.reduce((most, loss) => Math.max(most, loss), 0),
  };
}
