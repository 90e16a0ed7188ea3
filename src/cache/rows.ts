import { statSync } from 'node:fs';
import type { DataOptions } from '../data/options.ts';
import type { Shape } from '../data/record.ts';
import type { Source } from '../data/source.ts';
import { openSegments, publish, remove } from './directory.ts';
import { hashFile, identityOf, rememberedHash } from './hash.ts';
import { encodingKey } from './key.ts';
import type { FileLog } from './log.ts';
import type { Segment } from './segment.ts';

/** So many are hashed in a moment. */
const quickBytes = 64 << 20;

/** A source, and the shape of its rows. */
export type CachedSource = Pick<Source, 'name' | 'path' | 'form'> & { shape: Shape };

/**
 * The encoded rows of some files on disk, from this run for later ones. What they are called by is
 * their content, so a file that was touched, copied or moved is found again; one that is hashed for the
 * first time is hashed in the background.
 */
export class RowCache {
  private readonly before: string[];
  private readonly stop = new AbortController();
  private readonly key: Promise<string | null>;

  constructor(
    private readonly options: DataOptions,
    private readonly sources: readonly CachedSource[],
  ) {
    this.before = this.identities();
    this.key = this.findKey().catch(() => null);
  }

  /** Whether it is known in a moment what there is. */
  get isQuick(): boolean {
    const unknown = this.sources.map(original).filter((path) => rememberedHash(path) === null);
    return unknown.reduce((sum, path) => sum + statSync(path).size, 0) <= quickBytes;
  }

  /** What earlier runs encoded, as soon as that is known. */
  async segments(): Promise<Segment[]> {
    const key = await this.key;
    return key === null ? [] : openSegments(key);
  }

  /** Leaves what was encoded to later runs, unless a file was changed meanwhile. */
  async leave(segment: Segment): Promise<void> {
    const key = await this.key;
    if (key === null || this.identities().join() !== this.before.join()) return;
    publish(key, segment);
  }

  discard(log: FileLog): void {
    remove(log.path);
  }

  /** Stops hashing. */
  close(): void {
    this.stop.abort();
  }

  private async findKey(): Promise<string | null> {
    const contents: string[] = [];
    for (const source of this.sources) {
      const hash = await hashFile(original(source), this.stop.signal);
      if (hash === null) return null;
      const kind = /(\.\w+)(\.gz)?$/i.exec(source.name)?.[0].toLowerCase() ?? '';
      contents.push([hash, kind, source.form, source.shape].join(' '));
    }
    return encodingKey(this.options, contents);
  }

  private identities(): string[] {
    return this.sources.map((source) => identityOf(original(source)));
  }
}

/** The file that rows come from; of standard input, its copy. */
function original({ name, path }: CachedSource): string {
  return name === '-' ? path : name;
}
