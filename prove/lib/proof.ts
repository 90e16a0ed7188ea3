import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

export const ROOT = resolve(import.meta.dirname, '../..');

/** What a proof has found: one line, and whether it holds. */
export interface Verdict {
  line: string;
  holds: boolean;
}

export interface ProofOptions {
  trials: number;
  seed: number;
  /** The form in `npm test`: what depends on a machine's speed and what else it does is told, not judged. */
  short?: boolean;
}

/** Runs a proof where its file is the program: `--trials N`, `--seed S`; exit code 1 where it fails. */
export async function main(
  url: string,
  trials: number,
  prove: (options: ProofOptions) => Promise<Verdict>,
): Promise<void> {
  if (pathToFileURL(process.argv[1] ?? '').href !== url) return;
  const { values } = parseArgs({
    options: {
      trials: { type: 'string', default: String(trials) },
      seed: { type: 'string', default: '1' },
    },
  });
  const start = performance.now();
  const { line, holds } = await prove({ trials: Number(values.trials), seed: Number(values.seed) });
  const seconds = Math.round((performance.now() - start) / 1000);
  console.log(`${holds ? 'holds' : 'FAILS'}: ${line} (seed ${values.seed}, ${seconds} s)`);
  process.exitCode = holds ? 0 : 1;
}

/** Numbers from 0 to below 1 that depend on the seed alone. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

const folders: string[] = [];

/** A new folder below another, which goes away with the process. */
export function temporaryFolder(below: string, prefix: string): string {
  if (folders.length === 0) {
    process.on('exit', () => {
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    });
  }
  const folder = mkdtempSync(join(below, prefix));
  folders.push(folder);
  return folder;
}

/** A folder that goes away with the process; in memory where that is possible, for speed. */
export function workspace(): string {
  const fast = '/dev/shm';
  return temporaryFolder(existsSync(fast) ? fast : tmpdir(), 'attune-prove-');
}

let fresh = false;

/** A module of the built package; TypeScript is built first where it has changed since. */
export async function built<T>(path: string): Promise<T> {
  build();
  return (await import(pathToFileURL(join(ROOT, 'dist', path)).href)) as T;
}

/** Path of the command line program, built. */
export function attune(): string {
  build();
  return join(ROOT, 'dist/cli.js');
}

function build(): void {
  if (fresh) return;
  const output = join(ROOT, 'dist/cli.js');
  const newest = Math.max(
    ...readdirSync(join(ROOT, 'src'), { recursive: true }).map(
      (name) => statSync(join(ROOT, 'src', String(name))).mtimeMs,
    ),
  );
  if (!existsSync(output) || statSync(output).mtimeMs < newest) {
    execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs')], { cwd: ROOT });
  }
  fresh = true;
}

/** Runs `job` for every number below `count`, `lanes` at a time. */
export async function inLanes(
  count: number,
  lanes: number,
  job: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await job(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
