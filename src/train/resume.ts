import { randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { type CheckpointStore, type Found, problemOf } from '../checkpoint/store.ts';
import { snakeCase } from '../config/table.ts';
import type { TrainConfig } from '../config.ts';
import { AttuneError } from '../errors.ts';
import { readState } from './checkpoints.ts';
import type { RunState } from './state.ts';

/** A checkpoint to go on from, verified to the byte. */
export interface Resumed {
  found: Found;
  state: RunState;
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
 * The checkpoint that `resume_from_checkpoint` asks for; null where the run starts afresh. `tell`
 * hears of damaged ones. Throws `checkpoint` for one that is not there or not whole.
 */
export async function findCheckpoint(
  { resumeFromCheckpoint: from, rewind }: Pick<TrainConfig, 'resumeFromCheckpoint' | 'rewind'>,
  store: CheckpointStore,
  tell: (message: string) => void,
): Promise<Resumed | null> {
  if (rewind !== null) {
    const found = await earlier(store, rewind, tell);
    return { found, state: await readState(found.dir) };
  }
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
