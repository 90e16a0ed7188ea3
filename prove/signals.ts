/**
 * Whenever a signal comes, a run ends in order: SIGINT, SIGTERM and SIGUSR2 in each phase of
 * `attune train`, at a random moment of it. It ends with code 130 within a step and a save, what it
 * has published is whole, and it goes on from the step it had come to; every tenth does so to the end,
 * with the bits of a run that nobody stopped.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startHub } from '../test/src/hub/server.ts';
import {
  built,
  inLanes,
  main,
  type ProofOptions,
  random,
  type Verdict,
  workspace,
} from './lib/proof.ts';
import {
  checkpointSteps,
  differences,
  type Options,
  outcome,
  type Surroundings,
  TrainProcess,
  trainToEnd,
} from './lib/runs.ts';
import { writeRows, writeTinyModel } from './lib/tiny.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGUSR2'] as const;
/** Milliseconds: a step, a checkpoint and a result of the tiny model, on a machine that does other things too. */
const PATIENCE = 5000;

type Phase = Surroundings & {
  options?: Options;
  /** Resolves when the phase has begun. */
  begins(child: TrainProcess, trial: string): Promise<unknown>;
  /** Milliseconds over which the moment of the signal is spread behind that. */
  spread: number;
  /** The run may be done by then. */
  late?: boolean;
};

/** The number of SIGUSR2's bit in the mask of what a process catches; Node itself does not. */
const USR2 = 1n << 11n;

async function until(condition: () => boolean, child: TrainProcess): Promise<void> {
  let over = false;
  child.ended().then(() => {
    over = true;
  });
  while (!over && !condition()) await sleep(1);
}

function hears(pid: number): boolean {
  try {
    const mask = /^SigCgt:\s+([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!;
    return (BigInt(`0x${mask}`) & USR2) !== 0n;
  } catch {
    return false;
  }
}

/** When a line that matches is said. */
function says(pattern: RegExp): Phase['begins'] {
  return (child) =>
    new Promise((resolve) => {
      child.onLine = (line) => pattern.test(line) && resolve(line);
      child.ended().then(resolve);
    });
}

function phases(dir: string, big: string, slow: string): Record<string, Phase> {
  const heard: Phase['begins'] = (child) => until(() => hears(child.pid), child);
  const blobs = (trial: string) => join(trial, 'hub/hub/models--owner--tiny/blobs');
  return {
    'start-up': { begins: heard, spread: 0 },
    'after start-up': { begins: heard, spread: 400 },
    download: {
      options: { model: 'owner/tiny' },
      begins: (child, trial) =>
        until(() => existsSync(blobs(trial)) && readdirSync(blobs(trial)).length > 0, child),
      spread: 300,
    },
    reading: {
      options: { trainFile: '-' },
      input: true,
      begins: heard,
      spread: 600,
    },
    tokenizing: {
      options: { formattingFunc: slow, maxSteps: -1, numTrainEpochs: 1 },
      begins: (child, trial) => until(() => existsSync(join(trial, 'slow')), child),
      spread: 400,
    },
    loading: { options: { model: big, maxSteps: 2 }, begins: heard, spread: 900, late: true },
    accumulation: {
      options: { gradientAccumulationSteps: 500, maxSteps: 4 },
      begins: says(/^memory:/),
      spread: 200,
    },
    step: { begins: says(/^step 3 /), spread: 100 },
    evaluation: {
      options: {
        evalFile: join(dir, 'eval.jsonl'),
        evalStrategy: 'steps',
        evalSteps: 2,
        maxSteps: 6,
      },
      begins: says(/^step 2 /),
      spread: 60,
    },
    checkpoint: { options: { saveSteps: 1, maxSteps: 60 }, begins: says(/^step 3 /), spread: 60 },
    'final save': {
      options: { maxSteps: 6, saveSteps: 1 },
      begins: says(/^step 6 /),
      spread: 30,
      late: true,
    },
    resuming: { begins: heard, spread: 500, late: true },
  };
}

export async function proveSignals({ trials, seed, short }: ProofOptions): Promise<Verdict> {
  const dir = workspace();
  const next = random(seed);
  const model = writeTinyModel(join(dir, 'tiny'), 'F32');
  const big = writeTinyModel(join(dir, 'big'), 'F32', undefined, 400_000);
  const trainFile = writeRows(join(dir, 'rows.jsonl'), 400);
  writeRows(join(dir, 'eval.jsonl'), 3000);
  const slow = join(dir, 'slow.mjs');
  writeFileSync(
    slow,
    `import { writeFileSync } from 'node:fs';
    import { isMainThread } from 'node:worker_threads';
    const nothing = new Int32Array(new SharedArrayBuffer(4));
    export default (row) => {
      if (!isMainThread) {
        writeFileSync(process.env.SLOW_MARK, '');
        Atomics.wait(nothing, 0, 0, 20);
      }
      return row;
    };`,
  );
  const files = Object.fromEntries(
    readdirSync(model).map((name) => [name, readFileSync(join(model, name))]),
  );
  const hub = await startHub({ 'models/owner/tiny': files });
  hub.behaviour.cutAfter = 600;
  const { verify } =
    await built<typeof import('../src/checkpoint/manifest.ts')>('checkpoint/manifest.js');
  const base: Options = {
    model,
    trainFile,
    dtype: 'float32',
    maxLength: 64,
    perDeviceTrainBatchSize: 2,
    maxSteps: 2000,
    loggingSteps: 1,
    saveSteps: 500,
    datasetNumProc: 1,
    device: 'cpu',
    loraDropout: 0.1,
  };
  const all = Object.entries(phases(dir, big, slow));
  const wholes = new Map<string, Promise<Record<string, string>>>();
  const whole = (options: Options): Promise<Record<string, string>> => {
    const key = JSON.stringify(options);
    const outputDir = join(dir, `whole-${wholes.size}`);
    const found =
      wholes.get(key) ?? trainToEnd({ ...options, outputDir }).then(() => outcome(outputDir));
    wholes.set(key, found);
    return found;
  };
  let [clean, late, resumed, longest] = [0, 0, 0, 0];
  const failures: string[] = [];
  const counts = new Map<string, number>();

  const attempt = async (trial: number): Promise<string | null> => {
    const [name, phase] = all[trial % all.length]!;
    const signal = SIGNALS[Math.floor(trial / all.length) % SIGNALS.length]!;
    const place = join(dir, `trial-${trial}`);
    mkdirSync(place);
    const outputDir = join(place, 'out');
    const options: Options = { ...base, ...phase.options, outputDir };
    const env = {
      HF_HOME: join(place, 'hub'),
      ATTUNE_CACHE: join(place, 'cache'),
      SLOW_MARK: join(place, 'slow'),
    };
    if (name === 'resuming') {
      options.maxSteps = 8;
      await trainToEnd({ ...options, saveSteps: 3 });
      options.resumeFromCheckpoint = join(outputDir, 'checkpoint-3');
    }
    const child = new TrainProcess(options, { env, input: phase.input ?? false });
    await phase.begins(child, place);
    if (phase.spread > 0) await sleep(next() * phase.spread);
    const start = performance.now();
    child.kill(signal);
    const given = sleep(4 * PATIENCE, 'late', { ref: false });
    const code = await Promise.race([child.ended(), given]);
    const took = performance.now() - start;
    const label = `${signal} in ${name}`;
    if (code === 'late') {
      child.kill();
      return `${label}: still running after ${4 * PATIENCE} ms`;
    }
    longest = Math.max(longest, took);
    if (code === 0 && phase.late) late++;
    else if (code !== 130) return `${label}: ended with ${code}: ${child.text.slice(-2000)}`;
    if (!short && took > PATIENCE) return `${label}: took ${Math.round(took)} ms`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    if (!existsSync(outputDir)) return null;
    const left = readdirSync(outputDir).filter((file) => /\.tmp$|\.lock$/.test(file));
    if (left.length > 0) return `${label}: left ${left.join(', ')}`;
    const steps = checkpointSteps(outputDir);
    for (const step of steps) await verify(join(outputDir, `checkpoint-${step}`));
    const said = [...child.text.matchAll(/^step (\d+) /gm)].map(([, step]) => Number(step));
    const last = Math.max(0, ...said);
    if (last > (steps.at(-1) ?? 0)) return `${label}: step ${last} was made, saved is ${steps}`;
    if (last === 0 || code === 0 || trial % 10 !== 3) return null;
    // To the end, as if nothing had been.
    const { outputDir: _, resumeFromCheckpoint: __, ...rest } = options;
    await trainToEnd({ ...rest, outputDir, resumeFromCheckpoint: 'auto' });
    const wrong = differences(await whole(rest), outcome(outputDir));
    resumed++;
    return wrong.length > 0 ? `${label}: then resumed, differs in ${wrong.join(', ')}` : null;
  };
  await inLanes(trials, 2, async (trial) => {
    const problem = await attempt(trial).catch((error: Error) => error.message);
    if (problem === null) clean++;
    else failures.push(problem);
  });
  await hub.close();
  for (const failure of failures.slice(0, 5)) console.error(failure);
  const done = late > 0 ? `, ${late} of them were done by then` : '';
  return {
    holds: clean === trials,
    line: `${clean} of ${trials} signals in ${counts.size} phases ended in order${done}; ${resumed} were resumed to the same bits; the longest took ${Math.round(longest)} ms`,
  };
}

await main(import.meta.url, 600, proveSignals);
