import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes that a file on such a disk grows by. */
export const PAGE = 4096;

/** A small disk of its own, in memory, that can be filled up to the page and to the last file. */
export class Disk {
  readonly #fillers: string[] = [];

  private constructor(readonly dir: string) {}

  /** Throws where this user may not mount. */
  static mount(dir: string, bytes: number): Disk {
    mkdirSync(dir, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},nr_inodes=4000`, 'tmpfs', dir], {
      stdio: 'pipe',
    });
    return new Disk(dir);
  }

  unmount(): void {
    execFileSync('umount', ['-l', this.dir], { stdio: 'pipe' });
  }

  get free(): number {
    const { bavail, bsize } = statfsSync(this.dir);
    return bavail * bsize;
  }

  /** Leaves `bytes` free, rounded up to a page. */
  fillUpTo(bytes: number): void {
    const path = join(this.dir, '.filler');
    const file = openSync(path, 'w');
    this.#fillers.push(path);
    const pages = Math.floor((this.free - bytes) / PAGE);
    try {
      for (let page = 0; page < pages; page++) writeSync(file, Buffer.alloc(PAGE));
    } catch {
      // Somebody else was writing, and the disk is full already.
    }
    closeSync(file);
  }

  /** Leaves room for `count` more files. */
  fillFilesUpTo(count: number): void {
    const { ffree } = statfsSync(this.dir);
    for (let i = 0; i < ffree - count; i++) {
      const path = join(this.dir, `.filler-${i}`);
      closeSync(openSync(path, 'w'));
      this.#fillers.push(path);
    }
  }

  makeRoom(): void {
    for (const path of this.#fillers.splice(0)) rmSync(path, { force: true });
  }
}
