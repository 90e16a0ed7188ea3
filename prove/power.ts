/**
 * A loss of power at any moment leaves a checkpoint that loads, and no older one than was published. What a
 * program does to its folder is recorded call by call; for each moment images of the disk are made on which
 * what was synced is there, and everything else is or is not, in any combination: pages of files (lost, or
 * zeros in their place), sizes, names, renames. Recovery must find in each what had been published, or
 * newer. As a check of the check, the same records without their syncs must fail. Needs a C compiler.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Action, CrashDisk, type Fate, parseTrace } from './lib/crashdisk.ts';
import {
  attune,
  built,
  main,
  type ProofOptions,
  ROOT,
  random,
  type Verdict,
  workspace,
} from './lib/proof.ts';
import { writeRows, writeTinyModel } from './lib/tiny.ts';

type Store = typeof import('../src/checkpoint/store.ts');
/** Bytes of the checkpoints that a program publishes which does nothing else. */
const BYTES = 18_000;
const PUBLISHED = 4;

interface Recorder {
  folder: string;
  env: Record<string, string>;
  actions(): Action[];
}

function recorder(dir: string, shim: string, name: string): Recorder {
  const folder = join(dir, name);
  const file = join(dir, `${name}.trace`);
  mkdirSync(folder);
  writeFileSync(file, '');
  const env = { LD_PRELOAD: shim, ATTUNE_TRACE_DIR: folder, ATTUNE_TRACE_FILE: file };
  return { folder, env, actions: () => parseTrace(readFileSync(file), folder) };
}

/** Publishes and prunes with the real store, and nothing else. */
async function recordStore(dir: string, shim: string): Promise<Action[]> {
  const { folder, env, actions } = recorder(dir, shim, 'store');
  const script = join(import.meta.dirname, 'lib/saver.mjs');
  const child = spawn(process.execPath, [script, join(ROOT, 'dist'), folder, 'run', `${BYTES}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const ended = once(child, 'exit');
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === `begin ${PUBLISHED + 2}`) child.kill('SIGKILL');
  });
  await ended;
  return actions();
}

/** A run of `attune train` that saves at every step, and one that goes on from it. */
function recordRun(dir: string, shim: string): Action[] {
  const { folder, env, actions } = recorder(dir, shim, 'run');
  for (const steps of [3, 5]) {
    const words = [
      ...['train', '--model', join(dir, 'model'), '--train-file', join(dir, 'rows.jsonl')],
      ...['--output-dir', folder, '--max-steps', `${steps}`, '--save-steps', '1'],
      ...['--save-total-limit', '2', '--lora-r', '2', '--lora-target-modules', 'q_proj'],
      ...['--per-device-train-batch-size', '2', '--logging-steps', '1', '--dataset-num-proc', '1'],
      ...['--resume-from-checkpoint', 'auto', '--device', 'cpu'],
    ];
    const { status, stderr } = spawnSync(process.execPath, [attune(), ...words], {
      encoding: 'utf8',
      env: { ...process.env, ...env, ATTUNE_CACHE: join(dir, 'cache') },
    });
    if (status !== 0) throw new Error(stderr);
  }
  return actions();
}

/** How many images there were, and what was wrong with those that were not recovered from. */
interface Found {
  images: number;
  failures: string[];
}

/** Fates of what is on its way: nothing arrives, all, one alone, all but one, any. */
function* fates(pending: number, images: number, next: () => number): Generator<Fate> {
  yield { arrives: () => false, zeros: false };
  yield { arrives: () => false, zeros: true };
  yield { arrives: () => true, zeros: false };
  if (images < 3 + 2 * pending) return;
  for (let one = 0; one < pending; one++) {
    yield { arrives: (i) => i === one, zeros: false };
    yield { arrives: (i) => i !== one, zeros: next() < 0.5 };
  }
  for (let made = 3 + 2 * pending; made < images; made++) {
    const share = next();
    const arrived = Array.from({ length: pending }, () => next() < share);
    yield { arrives: (i) => arrived[i]!, zeros: next() < 0.5 };
  }
}

/** Loses power after each action, and recovers; about `images` times. */
async function losePower(
  actions: readonly Action[],
  images: number,
  dir: string,
  next: () => number,
  stopAtFirst = false,
): Promise<Found> {
  const { CheckpointStore } = await built<Store>('checkpoint/store.js');
  const disk = new CrashDisk();
  const found: Found = { images: 0, failures: [] };
  // `latest` moves once a checkpoint is on the disk.
  let published = 0;
  let target = 0;
  for (const [moment, action] of actions.entries()) {
    disk.act(action);
    if (action.kind === 'link') target = Number(/checkpoint-(\d+)$/.exec(action.target)?.[1]);
    if (action.kind === 'rename' && action.path === 'latest') published = target;
    const each = Math.ceil((images - found.images) / (actions.length - moment));
    for (const fate of fates(disk.pending.length, each, next)) {
      if (stopAtFirst && found.images >= images) return found;
      disk.leave(fate, dir);
      found.images++;
      const store = new CheckpointStore(dir);
      const step = await store
        .clear()
        .then(() => store.newest(Number.POSITIVE_INFINITY, () => {}))
        .then(
          (newest) => newest?.step ?? 0,
          (error: Error) => error.message,
        );
      if (typeof step === 'number' && step >= published) continue;
      const { kind, path } = action;
      found.failures.push(`after action ${moment} (${kind} ${path}): ${step} for ${published}`);
      if (stopAtFirst) return found;
    }
  }
  return found;
}

/** What the records make of the checkpoints in a folder that is not as it is there; null: nothing. */
function difference(actions: readonly Action[], folder: string, image: string): string | null {
  const disk = new CrashDisk();
  for (const action of actions) disk.act(action);
  disk.leave({ arrives: () => true, zeros: false }, image);
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!path.startsWith('checkpoint-') || statSync(join(folder, path)).isDirectory()) continue;
    const here = join(image, path);
    const same = existsSync(here) && readFileSync(here).equals(readFileSync(join(folder, path)));
    if (!same) return path;
  }
  return null;
}

export async function provePower({ trials, seed }: ProofOptions): Promise<Verdict> {
  const dir = workspace();
  const shim = join(dir, 'trace.so');
  const source = join(ROOT, 'prove/power/trace.c');
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', shim, source, '-ldl', '-pthread'], {
      stdio: 'pipe',
    });
  } catch {
    return { line: 'SKIPPED 1: power: there is no C compiler called cc', holds: true };
  }
  writeTinyModel(join(dir, 'model'), 'F32');
  writeRows(join(dir, 'rows.jsonl'), 20);
  attune();
  const next = random(seed);
  const image = join(dir, 'image');
  const records = { store: await recordStore(dir, shim), run: recordRun(dir, shim) };
  const untold = difference(records.run, join(dir, 'run'), image);
  if (untold !== null)
    return { line: `power: the records are not what happened: ${untold}`, holds: false };
  const failures: string[] = [];
  let images = 0;
  let moments = 0;
  for (const [name, actions] of Object.entries(records)) {
    const found = await losePower(actions, Math.ceil(trials / 2), image, next);
    failures.push(...found.failures.map((text) => `${name} ${text}`));
    images += found.images;
    moments += actions.length;
  }
  // Without the syncs of files, or of folders, the same images must show it.
  const files = new Set(records.store.flatMap((each) => (each.kind === 'open' ? [each.path] : [])));
  for (const isFile of [true, false]) {
    const unsynced = records.store.filter(
      ({ kind, path }) => kind !== 'sync' || files.has(path) !== isFile,
    );
    const { failures: shown } = await losePower(unsynced, 20_000, image, next, true);
    const what = isFile ? 'files' : 'folders';
    if (shown.length === 0) failures.push(`without the syncs of ${what} nothing fails`);
  }
  for (const failure of failures.slice(0, 20)) console.error(failure);
  const line =
    `power: ${images} images of ${moments} moments; ` +
    `${images - failures.length} passed, ${failures.length} failed`;
  return { line, holds: failures.length === 0 };
}

await main(import.meta.url, 100_000, provePower);
