import { closeSync } from 'node:fs';
import { readChunks } from './chunks.ts';
import { openFile } from './head.ts';
import type { OpenSource } from './source.ts';

const newline = 0x0a;
/** Bytes between places whose line is remembered. */
const between = 64 << 20;

/** Counts lines of a source whose rows were not found from its beginning on; no byte much twice. */
export class LineCounter {
  /** Lines before a byte, in the order of the bytes. */
  private readonly known: { byte: number; lines: number }[];
  private counting: Promise<unknown> = Promise.resolve();

  constructor(private readonly source: Pick<OpenSource, 'path' | 'name' | 'begin'>) {
    this.known = [{ byte: source.begin, lines: 0 }];
  }

  /** Lines that begin before byte `end`, where a line begins. Rejects with `data`. */
  before(end: number): Promise<number> {
    const count = this.counting.then(() => this.count(end));
    this.counting = count.catch(() => {});
    return count;
  }

  private async count(end: number): Promise<number> {
    const { path, name } = this.source;
    const place = this.known.findLastIndex(({ byte }) => byte <= end);
    const found: typeof this.known = [];
    let { byte, lines } = this.known[place]!;
    let last = byte;
    const handle = openFile(path, name);
    try {
      for await (const bytes of readChunks(handle, name, byte)) {
        const here = bytes.subarray(0, Math.max(0, end - byte));
        for (let at = here.indexOf(newline); at >= 0; at = here.indexOf(newline, at + 1)) lines++;
        byte += here.length;
        if (byte >= end) break;
        if (byte - last < between) continue;
        found.push({ byte, lines });
        last = byte;
      }
    } finally {
      closeSync(handle);
    }
    if (byte > last) found.push({ byte, lines });
    this.known.splice(place + 1, 0, ...found);
    return lines;
  }
}
