import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { env } from '../env.ts';
import { AttuneError } from '../errors.ts';

/** What goes with the process, whatever the number of spools. */
const directories = new Set<string>();
const removeAll = () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
};

/**
 * Temporary files below the cache directory: encoded rows, and rows that cannot be read where they lie
 * (compressed, CSV, Parquet, standard input). `close` removes them, and so does the end of the
 * process; what a killed process left is removed by the next one on the machine.
 */
export class Spool {
  private directory: string | null = null;
  private count = 0;

  /** Path of a new file with this ending. Throws `data` where the cache cannot be written. */
  newFile(ending: string): string {
    this.directory ??= this.create();
    return join(this.directory, `${this.count++}.${ending}`);
  }

  /** Removes the files. Idempotent. */
  close(): void {
    if (this.directory === null) return;
    rmSync(this.directory, { recursive: true, force: true });
    directories.delete(this.directory);
    if (directories.size === 0) process.off('exit', removeAll);
    this.directory = null;
  }

  /** Where the cache cannot be written, the machine's temporary directory has to do. */
  private create(): string {
    try {
      return this.createBelow(join(env.cacheDir, 'spool'));
    } catch (error) {
      try {
        return this.createBelow(join(tmpdir(), `attune-spool-${userInfo().uid}`));
      } catch {
        const { message } = error as Error;
        throw new AttuneError(
          'data',
          `${env.cacheDir}: no room for temporary rows (set ATTUNE_CACHE): ${message}`,
        );
      }
    }
  }

  private createBelow(root: string): string {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    removeAbandoned(root);
    const directory = mkdtempSync(join(root, `${hostname()}-${process.pid}-`));
    if (directories.size === 0) process.on('exit', removeAll);
    directories.add(directory);
    return directory;
  }
}

/** Removes what processes of this machine left that are no more. */
function removeAbandoned(root: string): void {
  for (const name of readdirSync(root)) {
    const [, host, pid] = /^(.*)-(\d+)-[^-]*$/.exec(name) ?? [];
    if (host === hostname() && !isAlive(Number(pid))) {
      rmSync(join(root, name), { recursive: true, force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
