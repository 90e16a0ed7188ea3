import { ByteReader } from '../bytes.ts';
import { type Columns, type DataPage, splitColumns } from '../model.ts';
import { type PageRow, readRow, readText, rowStarts } from '../row.ts';

interface Chunk {
  bytes: Uint8Array;
  starts: number[];
  /** Length of what all texts of the chunk begin with. */
  common: number;
}

/** A row of a chunk, to be read as far as it is needed. */
export interface Reading {
  text(): string;
  tokens(): PageRow;
}

/** Bytes of unpacked chunks that are kept. */
const keptBytes = 96 << 20;

/** The rows of a page. Columns are at hand; texts and tokens are unpacked when they are asked for. */
export class Store {
  readonly rows: number;
  private readonly kept = new Map<number, Promise<Chunk>>();
  private readonly sizes = new Map<number, number>();
  private last: Promise<unknown> = Promise.resolve();
  private readonly flagged = new Map<number, number>();
  private size = 0;

  private constructor(
    readonly page: DataPage,
    readonly columns: Columns,
  ) {
    this.rows = page.rows;
  }

  static async open(page: DataPage): Promise<Store> {
    const bytes = await unpacked(await embedded('columns'));
    return new Store(page, splitColumns(bytes, page.rows));
  }

  /** Rows that have one of these FLAGS. */
  flagCount(flags: number): number {
    let number = this.flagged.get(flags);
    if (number !== undefined) return number;
    number = 0;
    for (const each of this.columns.flags) if (each & flags) number++;
    this.flagged.set(flags, number);
    return number;
  }

  /** A source as short as it is told from the others: without the folders that they share. */
  name(source: number): string {
    const files = this.page.sources.map(({ file }) => file.split(/[\\/]/));
    const own = files[source] ?? [];
    for (let parts = 1; parts < own.length; parts++) {
      const end = own.slice(-parts).join('/');
      if (files.every((file, i) => i === source || file.slice(-parts).join('/') !== end))
        return end;
    }
    return this.page.sources[source]?.file ?? '';
  }

  /** FILE:LINE of a row. */
  place(row: number): string {
    return `${this.name(this.columns.source[row] ?? 0)}:${this.columns.line[row]}`;
  }

  /** Text and tokens of a row. */
  async row(row: number): Promise<PageRow> {
    const { chunk, at } = await this.find(row);
    return readRow(new ByteReader(chunk.bytes, at));
  }

  /** The beginning of a row's text, without what all rows around it begin with. */
  async preview(row: number): Promise<string> {
    const { chunk, at } = await this.find(row);
    const text = readText(new ByteReader(chunk.bytes, at));
    const from = chunk.common > 24 && chunk.common < text.length ? chunk.common : 0;
    return (from > 0 ? '… ' : '') + text.slice(from, from + 240);
  }

  get chunks(): number {
    return this.page.chunks.length;
  }

  /** Calls `visit` with the rows of a chunk that `wanted` has a 1 for. */
  async visit(
    index: number,
    wanted: Uint8Array,
    visit: (row: number, reading: Reading) => void,
  ): Promise<void> {
    const first = this.page.chunks[index] ?? 0;
    const end = this.page.chunks[index + 1] ?? this.rows;
    if (wanted.subarray(first, end).indexOf(1) < 0) return;
    const chunk = await this.chunk(index);
    for (let row = first; row < end; row++) {
      if (wanted[row] !== 1) continue;
      const at = chunk.starts[row - first] ?? 0;
      visit(row, {
        text: () => readText(new ByteReader(chunk.bytes, at)),
        tokens: () => readRow(new ByteReader(chunk.bytes, at)),
      });
    }
  }

  private async find(row: number): Promise<{ chunk: Chunk; at: number }> {
    const { chunks } = this.page;
    let low = 0;
    for (let high = chunks.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if ((chunks[middle] ?? 0) <= row) low = middle;
      else high = middle;
    }
    const chunk = await this.chunk(low);
    return { chunk, at: chunk.starts[row - (chunks[low] ?? 0)] ?? 0 };
  }

  private chunk(index: number): Promise<Chunk> {
    const kept = this.kept.get(index) ?? this.load(index);
    this.kept.delete(index);
    this.kept.set(index, kept);
    return kept;
  }

  /** One at a time, so that what is typed or clicked meanwhile need not wait for many. */
  private load(index: number): Promise<Chunk> {
    const loaded = this.last.then(() => this.unpack(index));
    this.last = loaded.catch(() => {});
    return loaded;
  }

  private async unpack(index: number): Promise<Chunk> {
    const bytes = await unpacked(await embedded(`chunk${index}`));
    const starts = rowStarts(new ByteReader(bytes));
    this.sizes.set(index, bytes.length);
    this.size += bytes.length;
    for (const oldest of this.kept.keys()) {
      if (this.size < keptBytes || oldest === index) break;
      this.kept.delete(oldest);
      this.size -= this.sizes.get(oldest) ?? 0;
      this.sizes.delete(oldest);
    }
    return { bytes, starts, common: commonStart(bytes, starts) };
  }
}

/** Whole words that all texts begin with, as a length. */
function commonStart(bytes: Uint8Array, starts: readonly number[]): number {
  if (starts.length < 3) return 0;
  const texts = starts.map((at) => readText(new ByteReader(bytes, at)));
  const first = texts[0] ?? '';
  let common = first.length;
  for (const text of texts) {
    let same = 0;
    while (same < common && text[same] === first[same]) same++;
    common = same;
  }
  return first.slice(0, common).search(/[^\s>]*$/);
}

/** Text of an element, which may not have been read yet. */
async function embedded(id: string): Promise<string> {
  if (document.getElementById(id) === null && document.readyState === 'loading') {
    await new Promise((resolve) => document.addEventListener('DOMContentLoaded', resolve));
  }
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page is cut off: ${id} is missing`);
  return element.textContent ?? '';
}

/** gzip in base64 → bytes. */
async function unpacked(base64: string): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new DecompressionStream('gzip');
  const writer = stream.writable.getWriter();
  // What goes wrong is told by the reading end.
  writer.write(decoded(base64)).catch(() => {});
  writer.close().catch(() => {});
  return new Uint8Array(await new Response(stream.readable).arrayBuffer());
}

function decoded(base64: string): Uint8Array<ArrayBuffer> {
  const { fromBase64 } = Uint8Array as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> };
  // Newer browsers bring it.
  if (fromBase64) return fromBase64.call(Uint8Array, base64);
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
