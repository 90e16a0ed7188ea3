/**
 * A full disk costs nothing but time: wherever a write of a checkpoint finds no room, what was there
 * before stays whole, somebody is told, and the write is finished once there is room. The same for
 * metrics.jsonl, and for whole runs of `attune train`, which end with the bits of an undisturbed one.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Disk, PAGE } from './lib/disk.ts';
import { built, main, type ProofOptions, random, type Verdict, workspace } from './lib/proof.ts';
import { differences, type Options, outcome, TrainProcess, trainToEnd } from './lib/runs.ts';
import { writeRows, writeTinyModel } from './lib/tiny.ts';

type Store = typeof import('../src/checkpoint/store.ts');
type Metrics = typeof import('../src/train/metrics.ts');

const BYTES = 1 << 20;
/** Directories and files of a checkpoint: folder, three files, manifest, pointer. */
const NAMES = 6;

interface Count {
  tried: number;
  paused: number;
  good: number;
}

const none = (): Count => ({ tried: 0, paused: 0, good: 0 });

/** Publishes with room for so many pages, or files, and makes room when it is told of the pause. */
async function storeAt(disk: Disk, trials: number): Promise<{ pages: Count; files: Count }> {
  const { CheckpointStore, problemOf } = await built<Store>('checkpoint/store.js');
  const { contents } = (await import('./lib/contents.mjs' as string)) as {
    contents(step: number, size: number): { name: string; bytes: Buffer }[];
  };
  const dir = join(disk.dir, 'store');
  mkdirSync(dir);
  const store = new CheckpointStore(dir);
  const quiet = { tell: () => {} };
  const old = await store.publish('run', 1, contents(1, BYTES), quiet);
  const attempt = async (count: Count, fill: () => void) => {
    fill();
    count.tried++;
    let intact = true;
    let checks = Promise.resolve();
    const tell = (message: string) => {
      if (!/no space left/.test(message)) return;
      count.paused++;
      checks = problemOf(old.dir).then((problem) => {
        intact = problem === null;
        disk.makeRoom();
      });
    };
    const found = await store.publish('run', 2, contents(2, BYTES), { tell, wait: 2 });
    await checks;
    disk.makeRoom();
    const whole = (await problemOf(found.dir)) === null && (await problemOf(old.dir)) === null;
    if (intact && whole) count.good++;
    rmSync(found.dir, { recursive: true });
    rmSync(join(dir, 'latest'), { force: true });
  };
  const [pages, files] = [none(), none()];
  const most = BYTES / PAGE + NAMES;
  for (let trial = 0; trial < trials; trial++) {
    await attempt(pages, () => disk.fillUpTo(Math.floor((trial * most) / trials) * PAGE));
  }
  for (let room = 0; room <= NAMES; room++) await attempt(files, () => disk.fillFilesUpTo(room));
  return { pages, files };
}

/** Rows of metrics.jsonl, the disk being full again and again. */
async function metricsAt(disk: Disk, trials: number): Promise<Count> {
  const { MetricsFile } = await built<Metrics>('train/metrics.js');
  const path = join(disk.dir, 'metrics.jsonl');
  const count = none();
  const metrics = new MetricsFile(path, {
    wait: 2,
    tell: (message) => {
      if (!/no space left/.test(message)) return;
      count.paused++;
      disk.makeRoom();
    },
  });
  const rows: string[] = [];
  for (let trial = 0; trial < trials; trial++) {
    disk.fillUpTo(0);
    // Long enough to need a page of its own, and to be cut by the end of one.
    const row = { step: trial, epoch: 0, loss: 1 / (trial + 1), text: 'x'.repeat(3000 + trial) };
    await metrics.write(row as never);
    rows.push(`${JSON.stringify(row)}\n`);
    disk.makeRoom();
    count.tried++;
    if (readFileSync(path, 'utf8') === rows.join('')) count.good++;
  }
  metrics.close();
  rmSync(path);
  return count;
}

/** `attune train` on a disk that is full up to some pages from its first step on. */
async function runsAt(disk: Disk, trials: number, next: () => number): Promise<Count> {
  const work = workspace();
  const options: Options = {
    model: writeTinyModel(join(work, 'model'), 'F32'),
    trainFile: writeRows(join(work, 'rows.jsonl'), 12),
    dtype: 'float32',
    method: 'full',
    maxLength: 64,
    perDeviceTrainBatchSize: 2,
    numTrainEpochs: 2,
    loggingSteps: 1,
    saveSteps: 3,
    datasetNumProc: 1,
    device: 'cpu',
  };
  const whole = join(work, 'whole');
  await trainToEnd({ ...options, outputDir: whole });
  const expected = outcome(whole);
  const count = none();
  for (let trial = 0; trial < trials; trial++) {
    const outputDir = join(disk.dir, `run-${trial}`);
    const room = Math.floor(next() * 200) * PAGE;
    const child = new TrainProcess({ ...options, outputDir });
    child.onLine = (line) => {
      if (line.startsWith('memory:')) disk.fillUpTo(room);
      if (!/no space left/.test(line)) return;
      count.paused++;
      setTimeout(() => disk.makeRoom(), 50);
    };
    const code = await child.ended();
    disk.makeRoom();
    count.tried++;
    const differing = code === 0 ? differences(outcome(outputDir), expected) : [child.text];
    if (differing.length === 0) count.good++;
    else console.error(`run ${trial}: ${differing.join(', ')}`);
    rmSync(outputDir, { recursive: true, force: true });
  }
  return count;
}

export async function proveEnospc({ trials, seed }: ProofOptions): Promise<Verdict> {
  let disk: Disk;
  try {
    disk = Disk.mount(join(workspace(), 'disk'), 8 << 20);
  } catch (error) {
    const reason = (error as Error).message.trim().split('\n').at(-1);
    return { line: `SKIPPED 1: enospc: a small disk cannot be mounted (${reason})`, holds: true };
  }
  try {
    return await onDisk(disk, trials, random(seed));
  } finally {
    disk.unmount();
  }
}

async function onDisk(disk: Disk, trials: number, next: () => number): Promise<Verdict> {
  const { pages, files } = await storeAt(disk, trials);
  const metrics = await metricsAt(disk, Math.ceil(trials / 10));
  const runs = await runsAt(disk, Math.ceil(trials / 50), next);
  const text = ({ tried, paused, good }: Count) => `${good} of ${tried} good (${paused} pauses)`;
  return {
    line:
      `enospc: checkpoints, by pages of room ${text(pages)}, by files of room ${text(files)}; ` +
      `rows of metrics.jsonl ${text(metrics)}; whole runs bitwise equal ${text(runs)}`,
    holds: [pages, files, metrics, runs].every(
      ({ tried, paused, good }) => good === tried && paused > 0,
    ),
  };
}

await main(import.meta.url, 1000, proveEnospc);
