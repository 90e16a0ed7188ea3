/**
 * One run at a time has an output directory: processes that try at the same moment, some of which are ended
 * as by kill -9 before any of the calls by which they take, hold or release it. What they leave is what the
 * next ones find. Never do two that live hold it, and never does one that is dead.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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

interface Answer {
  outcome: 'held' | 'refused' | 'failed' | 'killed';
  /** Who held it too. */
  others: string[];
  message: string;
}

/** A process that takes locks, and its follower once it has ended. */
class Locker {
  #child: ChildProcess | null = null;

  async #started(): Promise<ChildProcess> {
    if (this.#child?.connected) return this.#child;
    const child = fork(join(ROOT, 'prove/lib/locker.mjs'), [join(ROOT, 'dist')], { execArgv: [] });
    this.#child = child;
    await once(child, 'message');
    return child;
  }

  async ready(): Promise<void> {
    await this.#started();
  }

  /** Tries to take the lock of `dir`; ends before its n-th call from now where `endAfter` is n. */
  async take(dir: string, endAfter: number | null): Promise<Answer> {
    const child = await this.#started();
    return new Promise((resolve) => {
      const answer = (given: Answer) => {
        child.removeAllListeners();
        resolve(given);
      };
      child.once('message', (given) => answer(given as Answer));
      child.once('exit', () => answer({ outcome: 'killed', others: [], message: '' }));
      child.send({ dir, endAfter }, () => {}); // where it has ended, that is told by 'exit'
    });
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}

const LANES = 3;
const LOCKERS = 4;
/** As many calls as taking, holding and releasing are, at most of a time. */
const CALLS = 16;

interface Tally {
  held: number;
  refused: number;
  killed: number;
  /** Races that found the lock of one that is dead. */
  stale: number;
  faults: string[];
}

/** One race for a directory, after all before have ended. */
async function race(
  lockers: readonly Locker[],
  dir: string,
  next: () => number,
  tally: Tally,
): Promise<void> {
  await Promise.all(lockers.map((locker) => locker.ready()));
  const path = join(dir, '.attune.lock');
  if (next() < 0.05) writeFileSync(path, ['', '{"pid":-1}', '{"pid":'][Math.floor(3 * next())]!);
  const found = existsSync(path);
  writeFileSync(`${dir}.log`, '');
  const fated = next() < 0.35 ? Math.floor(lockers.length * next()) : -1;
  const count = 2 + Math.floor((lockers.length - 1) * next());
  const answers = await Promise.all(
    lockers.slice(0, count).map((locker, i) => {
      return locker.take(dir, i === fated ? 1 + Math.floor(CALLS * next()) : null);
    }),
  );
  const number = (outcome: Answer['outcome']) =>
    answers.filter((answer) => answer.outcome === outcome).length;
  tally.held += number('held');
  tally.refused += number('refused');
  tally.killed += number('killed');
  tally.stale += Number(found);
  const told = answers.map(({ message }) => message).filter((message) => message !== '');
  for (const { others } of answers) {
    if (others.length > 0) tally.faults.push(`two at once, with ${others}`);
  }
  if (number('failed') > 0) tally.faults.push(told.join('; '));
  if (number('killed') + number('held') === 0) tally.faults.push(`nobody got it: ${told[0]}`);
  if (number('killed') === 0 && existsSync(path)) tally.faults.push('it was not released');
}

export async function proveLock({ trials, seed, short }: ProofOptions): Promise<Verdict> {
  await built('checkpoint/lock.js');
  const root = workspace();
  const tally: Tally = { held: 0, refused: 0, killed: 0, stale: 0, faults: [] };
  let left = trials;
  let litter = 0;
  const lanes = short ? 1 : LANES;
  await inLanes(lanes, lanes, async (lane) => {
    const next = random(seed + 1000 * lane);
    const dir = join(root, String(lane));
    mkdirSync(dir);
    const lockers = Array.from({ length: LOCKERS }, () => new Locker());
    try {
      while (left-- > 0) await race(lockers, dir, next, tally);
      // Who is left after the last race has it at once.
      const { outcome, message } = await lockers[0]!.take(dir, null);
      if (outcome !== 'held') tally.faults.push(`after all: ${message}`);
      litter += readdirSync(dir).length;
    } finally {
      await Promise.all(lockers.map((locker) => locker.stop()));
    }
  });
  const { held, refused, killed, stale, faults } = tally;
  return {
    line:
      `lock: ${faults.length} faults in ${trials} races of 2 to ${LOCKERS} processes: held ${held} times, ` +
      `refused ${refused} times, ${killed} processes killed, ${stale} races for the lock of a dead one, ` +
      `${litter} unfinished files left${faults
        .map((text) => `; ${text}`)
        .slice(0, 3)
        .join('')}`,
    holds: faults.length === 0 && held > 0,
  };
}

await main(import.meta.url, 10_000, proveLock);
