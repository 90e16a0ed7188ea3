import { lstatSync } from 'node:fs';
import { mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { AttuneError } from '../errors.ts';
import {
  type Patience,
  patiently,
  type Stamp,
  stampFile,
  syncDirectory,
  writeSynced,
} from './durable.ts';
import { MANIFEST, type Manifest, manifestText, readManifest, verify } from './manifest.ts';

/** A file of a checkpoint: bytes of one step, or a function that writes it, synced. */
export type Contents =
  | { name: string; bytes: Uint8Array }
  | { name: string; write(path: string): Promise<void> };

/** A checkpoint of an output directory, by its name alone. */
export interface Found {
  step: number;
  dir: string;
}

/** The checkpoints of one output directory, whose lock the caller holds. */
export class CheckpointStore {
  constructor(readonly dir: string) {}

  /** Those that are published, oldest first; `checkpoint-N` is complete, or was damaged later. */
  async list(): Promise<Found[]> {
    const names = await readdir(this.dir).catch(() => []);
    return names
      .map((name) => ({ name, match: /^checkpoint-(\d+)$/.exec(name) }))
      .filter(({ match }) => match !== null)
      .map(({ name, match }) => ({ step: Number(match![1]), dir: join(this.dir, name) }))
      .sort((a, b) => a.step - b.step);
  }

  /**
   * The newest one, up to step `until`, whose every byte is as it was written, under its own number; null
   * where there is none. `tell` hears why others were passed over. Throws `checkpoint` where all are damaged.
   */
  async newest(until: number, tell: (message: string) => void): Promise<Found | null> {
    const found = (await this.list()).filter(({ step }) => step <= until).reverse();
    for (const checkpoint of found) {
      const problem = await verify(checkpoint.dir).then(
        ({ step }) => (step === checkpoint.step ? null : `it is a copy of ${checkpointName(step)}`),
        (error: Error) => error.message,
      );
      if (problem === null) return checkpoint;
      tell(`${checkpoint.dir} is passed over: ${problem}`);
    }
    if (found.length === 0) return null;
    throw new AttuneError(
      'checkpoint',
      `${this.dir}: none of ${found.length} checkpoints is whole (${await problemOf(found[0]!.dir)}); ` +
        'move them away to start afresh',
    );
  }

  /**
   * Writes a checkpoint: under a hidden name, every file synced, the manifest last; then renamed,
   * and pointed to by `latest`. On return it is on the disk. Waits for space on a full disk.
   */
  async publish(
    run: string,
    step: number,
    files: readonly Contents[],
    patience: Patience,
  ): Promise<Found> {
    const dir = join(this.dir, checkpointName(step));
    const temporary = join(this.dir, `.checkpoint-${step}.tmp`);
    await patiently(dir, () => this.#write(run, step, files, temporary), patience);
    await patiently(dir, () => rename(temporary, dir), patience);
    await patiently(dir, () => syncDirectory(this.dir), patience);
    await patiently(join(this.dir, 'latest'), () => this.#point(dir), patience);
    return { step, dir };
  }

  async #write(
    run: string,
    step: number,
    files: readonly Contents[],
    temporary: string,
  ): Promise<void> {
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary);
    try {
      const stamps: Record<string, Stamp> = {};
      for (const file of files) {
        const path = join(temporary, file.name);
        if ('bytes' in file) stamps[file.name] = await writeSynced(path, file.bytes);
        else {
          await file.write(path);
          stamps[file.name] = await stampFile(path);
        }
      }
      const text = manifestText({ format: 1, run, step, files: stamps });
      await writeSynced(join(temporary, MANIFEST), Buffer.from(text));
      await syncDirectory(temporary);
    } catch (cause) {
      // What was written would keep the disk full.
      await rm(temporary, { recursive: true, force: true }).catch(() => {});
      throw cause;
    }
  }

  /** `latest` is for people and scripts; recovery does not need it. */
  async #point(dir: string): Promise<void> {
    const pointer = join(this.dir, 'latest');
    const stat = lstatSync(pointer, { throwIfNoEntry: false });
    if (stat && !stat.isSymbolicLink()) return;
    const temporary = join(this.dir, '.latest.tmp');
    await rm(temporary, { force: true });
    try {
      await symlink(basename(dir), temporary);
    } catch (error) {
      // Not every file system has links.
      if (['EPERM', 'ENOSYS', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code!)) return;
      throw error;
    }
    await rename(temporary, pointer);
  }

  /**
   * Removes this run's oldest beyond `keep`, sparing the newest one, which is read back first, and
   * `best`. What another run made stays, and so does everything where the newest is damaged.
   */
  async prune(run: string, keep: number, best: number | null): Promise<void> {
    const { newest, excess } = retention(await this.#facts(), run, keep, best);
    if (newest === null || excess.length === 0) return;
    const dir = join(this.dir, checkpointName(newest));
    const problem = await problemOf(dir);
    if (problem !== null) {
      throw new AttuneError('checkpoint', `${dir}: ${problem}; older ones are kept`);
    }
    for (const step of excess) {
      const hidden = join(this.dir, `.checkpoint-${step}.removed`);
      await rm(hidden, { recursive: true, force: true });
      await rename(join(this.dir, checkpointName(step)), hidden);
      await rm(hidden, { recursive: true, force: true });
    }
  }

  async #facts(): Promise<Fact[]> {
    const facts: Fact[] = [];
    for (const { dir } of await this.list()) {
      const isLink = lstatSync(dir, { throwIfNoEntry: false })?.isSymbolicLink() ?? true;
      const manifest = await readManifest(dir).catch(() => null);
      facts.push({ name: basename(dir), isLink, manifest });
    }
    return facts;
  }

  /** Renames those after `step`, of a past that is being left; returns their new names. */
  async setAside(step: number): Promise<string[]> {
    const moved: string[] = [];
    for (const found of await this.list()) {
      if (found.step <= step) continue;
      let name = '';
      for (let n = 1; name === '' || lstatSync(name, { throwIfNoEntry: false }); n++) {
        name = `${found.dir}.old-${n}`;
      }
      await rename(found.dir, name);
      moved.push(basename(name));
    }
    return moved;
  }

  /** Removes what a run that was killed had begun to write or to remove. */
  async clear(): Promise<void> {
    for (const name of await readdir(this.dir)) {
      if (!/^\.(checkpoint-\d+\.(tmp|removed)|latest\.tmp)$/.test(name)) continue;
      await rm(join(this.dir, name), { recursive: true, force: true });
    }
  }
}

/** What pruning knows of something that is named like a checkpoint. */
export interface Fact {
  name: string;
  isLink: boolean;
  /** Null where it has none that can be read. */
  manifest: Pick<Manifest, 'run' | 'step'> | null;
}

/**
 * Steps of a run's checkpoints: the newest, which must be whole before any other goes; and, oldest first,
 * those beyond `keep`, but for `best`. A link, or a copy under another name, is not of the run: its
 * number may be above that of the newest.
 */
export function retention(
  facts: readonly Fact[],
  run: string,
  keep: number,
  best: number | null,
): { newest: number | null; excess: number[] } {
  const own = facts
    .filter(({ name, isLink, manifest }) => {
      return !isLink && manifest?.run === run && name === checkpointName(manifest.step);
    })
    .map(({ manifest }) => manifest!.step)
    .sort((a, b) => a - b);
  const beyond = own.slice(0, Math.max(0, own.length - Math.max(1, keep)));
  return { newest: own.at(-1) ?? null, excess: beyond.filter((step) => step !== best) };
}

function checkpointName(step: number): string {
  return `checkpoint-${step}`;
}

/** What is wrong with a checkpoint; null for nothing. */
export async function problemOf(dir: string): Promise<string | null> {
  return verify(dir).then(
    () => null,
    (error: Error) => error.message,
  );
}
