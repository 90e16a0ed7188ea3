/**
 * kill -9 at any time leaves a checkpoint that loads, and no less than was published before. Most of
 * the kills hit a process that does nothing but publish with the real store, so that they fall
 * between any two of its writes; the others hit whole runs of `attune train`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  built,
  inLanes,
  main,
  type ProofOptions,
  ROOT,
  random,
  type Verdict,
  workspace,
} from './lib/proof.ts';
import { differences, type Options, outcome, TrainProcess, trainToEnd } from './lib/runs.ts';
import { writeRows, writeTinyModel } from './lib/tiny.ts';

type Store = typeof import('../src/checkpoint/store.ts');
const BYTES = 2_000_000;
/** Milliseconds that recovery may take. */
const RECOVERY = 2000;

interface Found {
  kills: number;
  unloadable: number;
  lost: number;
  slowest: number;
  /** Kills that left something half-done, by what it was. */
  halves: Record<string, number>;
}

/** Kills the saver `trials` times, in one folder that lives on, as a run's does. */
async function killSaver(trials: number, next: () => number): Promise<Found> {
  const { CheckpointStore } = await built<Store>('checkpoint/store.js');
  const { contents } = (await import('./lib/contents.mjs' as string)) as {
    contents(step: number, size: number): { name: string; bytes: Buffer }[];
  };
  const root = workspace();
  const found: Found = { kills: 0, unloadable: 0, lost: 0, slowest: 0, halves: {} };
  const lanes = Array.from({ length: 2 }, (_, lane) => join(root, String(lane)));
  for (const dir of lanes) mkdirSync(dir);
  const busy = lanes.map(() => false);
  await inLanes(trials, lanes.length, async () => {
    const lane = busy.indexOf(false);
    busy[lane] = true;
    const dir = lanes[lane]!;
    const published = await killOnce(dir, 1 + Math.floor(3 * next()), 15 * next());
    found.kills++;
    for (const name of readdirSync(dir)) {
      const half = /^\.(?:checkpoint-\d+\.|latest\.)(tmp|removed)$/.exec(name)?.[1];
      if (half) found.halves[half] = (found.halves[half] ?? 0) + 1;
    }
    const start = performance.now();
    const store = new CheckpointStore(dir);
    await store.clear();
    const newest = await store.newest(Number.POSITIVE_INFINITY, () => found.unloadable++);
    found.slowest = Math.max(found.slowest, performance.now() - start);
    if ((newest?.step ?? 0) < published) found.lost++;
    for (const { name, bytes } of newest ? contents(newest.step, BYTES) : []) {
      if (!readFileSync(join(newest!.dir, name)).equals(bytes)) found.unloadable++;
    }
    busy[lane] = false;
  });
  return found;
}

/** Kills one saver `delay` milliseconds after it begins its nth; returns the last one published. */
async function killOnce(dir: string, nth: number, delay: number): Promise<number> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'lib/saver.mjs'), join(ROOT, 'dist'), dir, 'run', String(BYTES)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let published = 0;
  let begun = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [what, step] = line.split(' ');
    if (what === 'published') published = Number(step);
    else if (++begun === nth) setTimeout(() => child.kill('SIGKILL'), delay);
  });
  await once(child, 'close');
  return published;
}

/** Kills `attune train`, saving at every step, `trials` times; it goes on each time. */
async function killTraining(trials: number, next: () => number) {
  const dir = workspace();
  const options: Options = {
    model: writeTinyModel(join(dir, 'model'), 'F32'),
    trainFile: writeRows(join(dir, 'rows.jsonl'), 60),
    dtype: 'float32',
    maxLength: 64,
    perDeviceTrainBatchSize: 2,
    loraDropout: 0.1,
    numTrainEpochs: 4,
    loggingSteps: 1,
    datasetNumProc: 1,
    saveTotalLimit: 2,
    device: 'cpu',
  };
  const whole = join(dir, 'whole');
  await trainToEnd({ ...options, outputDir: whole });
  const expected = outcome(whole);
  const found = { kills: 0, equal: 0, runs: 0, lost: 0, slowest: 0 };
  while (found.kills < trials) {
    const outputDir = join(dir, `run-${found.runs++}`);
    const resumable = { ...options, outputDir, resumeFromCheckpoint: 'auto', saveSteps: 1 };
    for (let published = 0; found.kills < trials; ) {
      const child = new TrainProcess(resumable);
      const limit = Math.floor(40 * next());
      const delay = 10 * next();
      let steps = 0;
      child.onLine = (line) => {
        const from = Number(/resumed from .*checkpoint-(\d+):/.exec(line)?.[1] ?? Number.NaN);
        if (from < published) found.lost++;
        const checkpoint = Number(/^checkpoint: .*-(\d+)$/.exec(line)?.[1] ?? 0);
        published = Math.max(published, checkpoint);
        if (checkpoint > 0 && ++steps === limit + 1) setTimeout(() => child.kill(), delay);
      };
      if ((await child.ended()) !== null) break;
      found.kills++;
    }
    const text = await trainToEnd({ ...resumable });
    if (!/done:/.test(text)) continue;
    if (differences(outcome(outputDir), expected).length === 0) found.equal++;
  }
  return found;
}

export async function proveCrash({ trials, seed, short }: ProofOptions): Promise<Verdict> {
  const next = random(seed);
  const training = Math.ceil(trials / 20);
  const saver = await killSaver(trials - training, next);
  const runs = await killTraining(training, next);
  const halves = Object.entries(saver.halves).map(([name, count]) => `${count} .${name}`);
  return {
    line:
      `crash: ${saver.kills + runs.kills} kill -9: ${saver.kills} of a process that publishes, ` +
      `${saver.unloadable} unloadable, ${saver.lost} times less than was published, ` +
      `recovery at most ${Math.round(saver.slowest)} ms, left half-done ${halves.join(', ') || 'nothing'}; ` +
      `${runs.kills} of attune train, ${runs.lost} times less than was published, ` +
      `${runs.equal} of ${runs.runs} runs bitwise equal at their end`,
    holds:
      saver.unloadable + saver.lost + runs.lost === 0 &&
      (short || saver.slowest < RECOVERY) &&
      runs.equal === runs.runs,
  };
}

await main(import.meta.url, 2000, proveCrash);
