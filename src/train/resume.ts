import { randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { type CheckpointStore, type Found, problemOf } from '../checkpoint/store.ts';
import { snakeCase } from '../config/table.ts';
import type { TrainConfig } from '../config.ts';
import { AttuneError } from '../errors.ts';
import { readState } from './checkpoints.ts';
import { plainConfig, sameRewind } from './identity.ts';
import type { RunState } from './state.ts';

/** A checkpoint to go on from, verified to the byte. */
export interface Resumed {
  found: Found;
  state: RunState;
  /** Whether it was made behind the rewind that is asked for: the same command was given again. */
  rewound?: boolean;
}

/**
 * The state that a run goes on with: the checkpoint's, but for the state of a schedule whose settings
 * are others now, which begins anew.
 */
export function carriedState(state: RunState, config: TrainConfig): RunState {
  const keys = ['learningRate', 'lrSchedulerType', 'lrSchedulerKwargs'] as const;
  const text = (value: unknown) => JSON.stringify(value);
  const kept = keys.every((key) => text(state.config[snakeCase(key)]) === text(config[key]));
  return kept ? state : { ...state, plateau: null };
}

/**
 * Steps whose rows a run leaves out at its beginning, which `tell` hears of. Throws `config` for more than
 * the run has: most likely they are too many.
 */
export function stepsLeftOut(
  resumed: Resumed | null,
  { skipBatches }: TrainConfig,
  total: number,
  tell: (message: string) => void,
): number {
  if (resumed === null || resumed.rewound || skipBatches === 0) return 0;
  if (skipBatches > total) {
    throw new AttuneError('config', `skip_batches: ${skipBatches} steps, and the run has ${total}`);
  }
  const steps = skipBatches === 1 ? 'step' : `${skipBatches} steps`;
  tell(`the rows of the next ${steps} are left out (skip_batches)`);
  return skipBatches;
}

/**
 * The checkpoint that a rewind goes back to. A command that is given again, after it was interrupted, goes
 * on from where it had come to.
 */
async function rewound(
  step: number,
  config: TrainConfig,
  store: CheckpointStore,
  tell: (message: string) => void,
): Promise<Resumed> {
  const newest = await store.newest(Number.POSITIVE_INFINITY, tell);
  const last = newest && { found: newest, state: await readState(newest.dir) };
  if (last && sameRewind(last.state.config, plainConfig(config))) {
    tell(`the run went back to step ${step} before, by the same command: it goes on from there`);
    return { ...last, rewound: true };
  }
  if (last && newest.step <= step) return last;
  const found = await earlier(store, step, tell);
  return { found, state: await readState(found.dir) };
}

/**
 * The checkpoint that `resume_from_checkpoint` asks for; null where the run starts afresh. `tell`
 * hears of damaged ones. Throws `checkpoint` for one that is not there or not whole.
 */
export async function findCheckpoint(
  config: TrainConfig,
  store: CheckpointStore,
  tell: (message: string) => void,
): Promise<Resumed | null> {
  const { resumeFromCheckpoint: from, rewind } = config;
  if (rewind !== null) return rewound(rewind, config, store, tell);
  if (from === null || from === 'none' || from === 'false') return null;
  if (from === 'auto' || from === 'true') {
    const found = await store.newest(Number.POSITIVE_INFINITY, tell);
    return found && { found, state: await readState(found.dir) };
  }
  const dir = resolve(from);
  if (!existsSync(dir) || !statSync(dir).isDirectory()) {
    throw new AttuneError('checkpoint', `resume_from_checkpoint: ${from} is no directory`);
  }
  const problem = await problemOf(dir);
  if (problem !== null) {
    throw new AttuneError('checkpoint', `resume_from_checkpoint: ${from}: ${problem}`);
  }
  const state = await readState(dir);
  return { found: { step: state.global_step, dir }, state };
}

/** The newest checkpoint at or before a step. Throws `checkpoint` where there is none. */
export async function earlier(
  store: CheckpointStore,
  step: number,
  tell: (message: string) => void,
): Promise<Found> {
  const found = await store.newest(step, tell);
  if (found) return found;
  throw new AttuneError(
    'checkpoint',
    `${store.dir}: there is no checkpoint at or before step ${step} to go back to`,
  );
}

/**
 * Makes room in an output directory for the run that goes on after `resumed`, or begins: later
 * checkpoints, of a past that is left, are set aside. Returns the run's id.
 */
export async function takeOver(
  store: CheckpointStore,
  resumed: Resumed | null,
  tell: (message: string) => void,
): Promise<string> {
  await store.clear();
  const own = resumed && dirname(resolve(resumed.found.dir)) === resolve(store.dir);
  const moved = await store.setAside(own ? resumed.found.step : 0);
  if (moved.length > 0) {
    const past = resumed ? `after step ${resumed.found.step}` : 'of an earlier run';
    tell(`checkpoints ${past} were set aside: ${moved.map((path) => basename(path)).join(', ')}`);
  }
  return resumed?.state.run ?? randomUUID();
}
