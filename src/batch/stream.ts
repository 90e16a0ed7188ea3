import { MemoryLog } from '../cache/log.ts';
import { type Chunk, cutChunks, indexChunk } from '../data/chunks.ts';
import { listFiles } from '../data/files.ts';
import { noneGood, shapeOfRows } from '../data/fileshape.ts';
import { type Formatter, loadFormatter } from '../data/formatting.ts';
import { LineCounter } from '../data/linecounter.ts';
import type { Accounting, DataOptions, Quarantine, SourceAccount } from '../data/options.ts';
import type { Shape } from '../data/record.ts';
import { locateSource, type OpenSource } from '../data/source.ts';
import { Spool } from '../data/spool.ts';
import { AttuneError, dataError, RowError } from '../errors.ts';
import { EncodePool } from '../worker/pool.ts';
import { Account } from './account.ts';
import type { Data } from './data.ts';
import { closedError, Encoding } from './encoding.ts';
import { drawRows, usedOfPart } from './mixture.ts';
import { type RowReference, rowsInOrder, type Skip } from './order.ts';
import { permutation, purpose } from './random.ts';
import { Records } from './records.ts';
import { type BadPlace, Section } from './section.ts';
import { DocumentStore } from './store.ts';

/** How files are cut: chunks are drawn at random, and the rows of a window of them shuffled together. */
export interface WindowSize {
  chunkBytes: number;
  windowBytes: number;
}

const usualSize: WindowSize = { chunkBytes: 1 << 20, windowBytes: 32 << 20 };

/** Share of a window that is used up before the next one is opened. */
const openNext = 0.5;

/**
 * Rows of files that are larger than memory: window after window is indexed, encoded, used and
 * forgotten, two of them at a time. In every epoch the windows come in another order, and so do the
 * blocks of a window and the rows of a block; what is in a window depends on the seed alone.
 */
export class Stream implements Data {
  private readonly pool: EncodePool;
  private readonly account: Account;
  private readonly windows: Chunk[][];
  /** Share of all bytes in each window. */
  private readonly shares: number[];
  /** Packed rows of each window that was gone through. */
  private readonly counts: (number | undefined)[] = [];
  /** Blocks of each window that was opened which are accounted for; null: all of them. */
  private readonly counted: (Set<number> | null | undefined)[] = [];
  private readonly seen: SourceAccount[];
  private readonly open = new Set<Section>();
  private readonly counters: LineCounter[];
  private closed = false;

  private constructor(
    private readonly options: DataOptions,
    readonly sources: readonly OpenSource[],
    private readonly shapes: readonly Shape[],
    private readonly format: Formatter,
    private readonly spool: Spool,
    private readonly quarantine: Quarantine,
    size: WindowSize,
  ) {
    const { packing, maxLength, sampling, seed } = options;
    const chunks = cutChunks(sources, size.chunkBytes);
    const order = sampling === 'random' ? permutation(chunks.length, purpose.chunks, seed) : null;
    this.windows = cutWindows(order ? [...order].map((i) => chunks[i]!) : chunks, size.windowBytes);
    const total = bytesOf(chunks);
    this.shares = this.windows.map((window) => bytesOf(window) / total);
    this.account = new Account(packing === false ? null : maxLength);
    this.seen = sources.map(({ name, weight }) => ({ file: name, rows: 0, weight, used: 0 }));
    this.counters = sources.map((source) => new LineCounter(source));
    this.pool = new EncodePool({ options });
  }

  /** Opens the files; of lines, none is looked for beyond the first row. Rejects with `data`. */
  static async open(
    options: DataOptions,
    quarantine: Quarantine,
    size = usualSize,
  ): Promise<Stream> {
    const format = await loadFormatter(options.formatting, options.datasetTextField);
    const spool = new Spool();
    try {
      const sources: OpenSource[] = [];
      const shapes: Shape[] = [];
      for (const file of listFiles(options.files)) {
        const source = await locateSource(file, spool, options.onBadRow === 'skip');
        sources.push(source);
        shapes.push(await shapeOf(source, size, options, format));
      }
      return new Stream(options, sources, shapes, format, spool, quarantine, size);
    } catch (error) {
      spool.close();
      throw error;
    }
  }

  async start(): Promise<void> {}

  async *rows(epoch: number, skip: Skip): AsyncGenerator<RowReference> {
    const order = this.windowOrder(epoch);
    let before = 0;
    let next: Promise<Section> | null = null;
    let current: Section | null = null;
    try {
      for (let place = 0; place < order.length; place++) {
        const index = order[place]!;
        const share = this.shares[index]!;
        const known = this.counts[index];
        if (known !== undefined && known <= skip.rows && next === null) {
          skip.rows -= known;
          before += share;
          continue;
        }
        current = await (next ?? this.openWindow(index));
        next = null;
        for await (const row of rowsInOrder(current, this.options, epoch, skip)) {
          if (next === null && row.progress > openNext && place + 1 < order.length) {
            next = this.openWindow(order[place + 1]!);
            next.catch(() => {});
          }
          yield { ...row, progress: Math.min(1, before + share * row.progress) };
        }
        this.counts[index] = current.accounts.reduce((sum, block) => sum + (block?.rows ?? 0), 0);
        this.dispose(current);
        before += share;
      }
    } finally {
      if (current !== null) this.dispose(current);
      next?.then((section) => this.dispose(section)).catch(() => {});
    }
  }

  async accounting(): Promise<Accounting> {
    throw unknown('max_steps', 'how many rows a stream has is known at its end');
  }

  async longest(): Promise<number> {
    throw unknown('max_length', 'the longest row of a stream is known at its end');
  }

  accountingSoFar(): Accounting {
    for (const section of this.open) this.count(section);
    return this.account.total(this.seen, this.available);
  }

  goOn(account: Accounting): void {
    this.account.goOn(account);
    this.seen.forEach((seen, i) => {
      const { rows = 0, used = 0 } = account.sources[i] ?? {};
      Object.assign(seen, { rows, used });
    });
    this.windows.forEach((_, index) => {
      this.counted[index] = null;
    });
  }

  get progress(): { read: number; available: number } {
    return { read: this.accountingSoFar().read, available: this.rowsSeen };
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const { encoding } of this.open) encoding.end(closedError());
    await this.pool.close();
    for (const section of this.open) this.dispose(section);
    this.spool.close();
  }

  private windowOrder(epoch: number): Uint32Array {
    const { sampling, seed } = this.options;
    const count = this.windows.length;
    if (sampling === 'random' && epoch > 0) return permutation(count, purpose.windows, seed, epoch);
    return Uint32Array.from({ length: count }, (_, index) => index);
  }

  /** Rows of an epoch, once all windows were seen. */
  private get available(): number | null {
    if (this.windows.some((_, i) => this.counted[i] === undefined)) return null;
    return this.rowsSeen;
  }

  private get rowsSeen(): number {
    return this.seen.reduce((sum, { used }) => sum + used, 0);
  }

  /** Indexes a window and begins to encode it. */
  private async openWindow(index: number): Promise<Section> {
    const { options, sources } = this;
    const chunks = this.windows[index]!;
    const parts = await Promise.all(chunks.map((each) => indexChunk(sources[each.source]!, each)));
    const draws = parts.map(({ rows: { length: count }, weight }, i) => {
      const { source, start } = chunks[i]!;
      const key = start * sources.length + source;
      return { count, used: usedOfPart(count, weight, options.seed, key), key };
    });
    if (this.counted[index] === undefined) {
      this.counted[index] = new Set();
      draws.forEach(({ count, used }, i) => {
        const seen = this.seen[chunks[i]!.source]!;
        seen.rows += count;
        seen.used += used;
      });
    }
    const shapes = chunks.map(({ source }) => this.shapes[source]!);
    const records = new Records(
      parts,
      shapes,
      drawRows(draws, options.seed),
      this.format,
      (part, end) => this.counters[chunks[part]!.source]!.before(end),
    );
    const rows = records.order(options, index);
    const store = new DocumentStore(records.total, () => new MemoryLog());
    const encoding = new Encoding(records, rows, store, () => this.pool, false);
    const events = { onBad: (bad: readonly BadPlace[]) => this.quarantine(records.badRows(bad)) };
    const section = new Section(records, rows, store, encoding, options, events, [index]);
    this.open.add(section);
    if (this.closed) encoding.end(closedError());
    else encoding.reach(0).catch(() => {});
    return section;
  }

  private dispose(section: Section): void {
    if (!this.open.delete(section)) return;
    this.count(section);
    section.encoding.end(closedError());
    section.store.close();
  }

  /** Accounts for the blocks that were laid out, each once, whatever the epoch. */
  private count(section: Section): void {
    const index = section.key[0]!;
    const blocks = this.counted[index];
    if (!blocks) return;
    section.accounts.forEach((block, i) => {
      if (block === null || blocks.has(i)) return;
      blocks.add(i);
      this.account.add(block, (row) => section.records.place(row));
    });
    if (blocks.size === section.count) this.counted[index] = null;
  }
}

async function shapeOf(
  source: OpenSource,
  { chunkBytes }: WindowSize,
  options: DataOptions,
  format: Formatter,
): Promise<Shape> {
  let first: RowError | null = null;
  for (const chunk of cutChunks([source], chunkBytes)) {
    const part = await indexChunk(source, chunk);
    if (part.rows.length === 0) continue;
    const { start, line } = part.rows.at(0);
    const before = part.linesBefore ?? (await new LineCounter(source).before(start)) - line + 1;
    const shape = shapeOfRows(part, options, format, before);
    if (!(shape instanceof RowError)) return shape;
    first ??= shape;
  }
  if (first !== null) throw noneGood(first);
  throw dataError(source.name, null, 'empty file: it has no rows');
}

function cutWindows(chunks: readonly Chunk[], bytes: number): Chunk[][] {
  const windows: Chunk[][] = [];
  let room = 0;
  for (const chunk of chunks) {
    if (room <= 0) {
      windows.push([]);
      room = bytes;
    }
    windows.at(-1)!.push(chunk);
    room -= chunk.bytes;
  }
  return windows;
}

function bytesOf(chunks: readonly Chunk[]): number {
  return chunks.reduce((sum, { bytes }) => sum + bytes, 0);
}

function unknown(key: string, reason: string): AttuneError {
  return new AttuneError('config', `dataset_streaming needs ${key}: ${reason}`);
}
