import { type ChildProcess, fork } from 'node:child_process';
import { type EventEmitter, once } from 'node:events';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TrainConfig } from '../config.ts';
import { AttuneError, type ErrorCode } from '../errors.ts';
import type { StepRecord, TrainEvents, TrainResult } from './events.ts';

/** What the trainer's process is told. */
export type ToChild = { kind: 'start'; config: TrainConfig } | { kind: 'next' | 'leave' | 'abort' };

/** What it answers: an event, a step, the end; and signs of life. */
export type FromChild =
  | { kind: 'event'; name: keyof TrainEvents; args: unknown[] }
  | { kind: 'step'; record: StepRecord }
  | { kind: 'done'; result: TrainResult | null }
  | { kind: 'failed'; code: ErrorCode | null; message: string; stack: string | undefined }
  /** `busy`: milliseconds since the engine last finished something, while it has work. */
  | { kind: 'alive'; busy: number };

/** Milliseconds between signs of life. */
export const PULSE = 200;
/** Milliseconds that a process may take until its first sign. */
const START = 30_000;
/** One piece of the engine's work may take so many times as long as the event loop may be silent. */
const ENGINE_PATIENCE = 10;
/** Restarts in a row that may end no further than the run was before. */
const MOST_RESTARTS = 3;

/**
 * Runs a trainer in a process of its own. If that ends without a word, or hangs, another goes on from
 * the last checkpoint, as long as each attempt makes a step, and every third at least gets further
 * than the run was before. What happens in the steps that are then run again is told once.
 * Throws what the trainer throws, and `crashed` where it is given up.
 */
export async function* isolatedSteps(
  config: TrainConfig,
  caller: Pick<EventEmitter<TrainEvents>, 'emit'>,
  signal: AbortSignal | undefined,
): AsyncGenerator<StepRecord, TrainResult, void> {
  const seen = new Seen(caller);
  for (let behind = 0; ; ) {
    const before = seen.furthest;
    seen.begin();
    const child = new Child(attempt(config, seen.saved), signal);
    try {
      const result = yield* follow(child, seen);
      if (result !== null) return result;
    } finally {
      await child.end();
    }
    const how = `the training process ${child.ending} after step ${seen.step}`;
    if (signal?.aborted) throw new AttuneError('crashed', `${how}, while it was being stopped`);
    behind = seen.furthest > before ? 0 : behind + 1;
    if (seen.step === 0 || behind >= MOST_RESTARTS) {
      const tries =
        behind >= MOST_RESTARTS
          ? `, and ${behind} times no further than step ${seen.furthest}`
          : '';
      throw new AttuneError('crashed', `${how}${tries}; ${remedy(child.ending)}`);
    }
    caller.emit('restart', { reason: how, step: seen.step, attempt: seen.attempts });
  }
}

/** The steps of one process; null where it ended without a result. */
async function* follow(child: Child, seen: Seen): AsyncGenerator<StepRecord, TrainResult | null> {
  child.send({ kind: 'next' });
  for (;;) {
    const message = await child.receive();
    if (message === null) return null;
    switch (message.kind) {
      case 'event':
        seen.tell(message.name, message.args);
        break;
      case 'step':
        if (seen.isNew(message.record.step)) yield message.record;
        child.send({ kind: 'next' });
        break;
      case 'done':
        return message.result;
      case 'failed':
        throw asError(message);
    }
  }
}

function asError({ code, message, stack }: FromChild & { kind: 'failed' }): Error {
  const error = code === null ? new Error(message) : new AttuneError(code, message);
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** Once the run has a checkpoint of its own, the next attempt goes on from there. */
function attempt(config: TrainConfig, saved: boolean): TrainConfig {
  // A rewind that was made is not made again; rows that are left out with it neither.
  const skipBatches = config.rewind === null ? 0 : config.skipBatches;
  const resume = { resumeFromCheckpoint: 'auto', skipBatches };
  return { ...config, isolate: false, ...(saved ? resume : {}) };
}

function remedy(ending: string): string {
  if (ending.includes('SIGKILL')) {
    return 'the system kills processes when memory is short: lower max_length or the batch size';
  }
  return 'without isolate, ATTUNE_DEBUG=1 and a debugger show where';
}

/** What the caller has been told, over all attempts. */
class Seen {
  attempts = 0;
  /** The last step of this attempt, and the last one of any. */
  step = 0;
  furthest = 0;
  /** As far as the caller has been told of steps. */
  private told = 0;
  /** Whether a checkpoint of this run is on the disk. */
  saved = false;
  private readonly once = new Set<string>();

  constructor(private readonly caller: Pick<EventEmitter<TrainEvents>, 'emit'>) {}

  begin(): void {
    this.attempts++;
    this.step = 0;
    this.told = this.furthest;
  }

  isNew(step: number): boolean {
    return step > this.told;
  }

  tell(name: keyof TrainEvents, args: unknown[]): void {
    const [first] = args;
    if (name === 'step') {
      this.step = (first as StepRecord).step;
      this.furthest = Math.max(this.furthest, this.step);
    }
    if (name === 'checkpoint') this.saved = true;
    const again = this.attempts > 1;
    const numbered = ['step', 'log', 'evaluate'].includes(name);
    if (again && numbered && !this.isNew((first as { step: number }).step)) return;
    if (again && this.once.has(name) && ['plan', 'accounting'].includes(name)) return;
    this.once.add(name);
    this.caller.emit(name, ...(args as never));
  }
}

/** A process that trains. */
class Child {
  /** How it ended, for people; what it did wrong where it was made to end. */
  ending = '';
  private readonly process: ChildProcess;
  private readonly messages: FromChild[] = [];
  private wake = (): void => {};
  private closed = false;
  private started = false;
  private heard = performance.now();
  private busy = 0;
  private readonly watch: NodeJS.Timeout;
  private readonly gone: Promise<unknown>;
  private readonly abort = (): void => this.send({ kind: 'abort' });

  constructor(
    config: TrainConfig,
    private readonly signal: AbortSignal | undefined,
  ) {
    // Whatever it prints is no result: it goes to stderr.
    const stdio: ('inherit' | 'ipc' | number)[] = ['inherit', 2, 2, 'ipc'];
    this.process = fork(entry(), [], { ...loader(), stdio, serialization: 'advanced' });
    this.process.on('message', (message: FromChild) => this.hear(message));
    this.process.on('error', (error) => this.close(`could not be started (${error.message})`));
    // The last messages may come after the end itself.
    const ends = [once(this.process, 'exit'), once(this.process, 'disconnect')] as const;
    this.gone = Promise.all(ends).then(([[code, name]]) =>
      this.close(name ? `was ended by ${name}` : `ended with code ${code}`),
    );
    this.gone.catch(() => {});
    const silence = 1000 * config.isolateTimeout;
    this.watch = setInterval(() => this.check(silence), PULSE);
    this.send({ kind: 'start', config });
    if (signal?.aborted) this.abort();
    signal?.addEventListener('abort', this.abort);
  }

  send(message: ToChild): void {
    if (this.process.connected) this.process.send(message, () => {});
  }

  /** The next message; null once the process has ended. */
  async receive(): Promise<FromChild | null> {
    while (this.messages.length === 0) {
      if (this.closed) return null;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.messages.shift()!;
  }

  /** Lets the process leave, and ends it where it does not. */
  async end(): Promise<void> {
    this.signal?.removeEventListener('abort', this.abort);
    if (!this.closed) {
      this.send({ kind: 'leave' });
      await Promise.race([this.gone, once(this.process, 'error')]).catch(() => {});
    }
    clearInterval(this.watch);
  }

  private hear(message: FromChild): void {
    this.started = true;
    this.heard = performance.now();
    if (message.kind === 'alive') this.busy = message.busy;
    else this.messages.push(message);
    this.wake();
  }

  /** A process that hangs is ended; what follows is as if it had crashed. */
  private check(silence: number): void {
    const quiet = performance.now() - this.heard;
    const limit = this.started ? silence : Math.max(silence, START);
    const hangs = quiet > limit || this.busy > ENGINE_PATIENCE * silence;
    if (!hangs || this.ending !== '') return;
    const what = quiet > limit ? 'gave no sign of life' : 'made no progress in the engine';
    const seconds = Math.round(Math.max(quiet, this.busy) / 100) / 10;
    this.ending = `${what} for ${seconds} seconds and was ended`;
    this.process.kill('SIGKILL');
  }

  private close(how: string): void {
    this.ending ||= how;
    this.closed = true;
    this.wake();
  }
}

function entry(): string {
  const extension = basename(import.meta.url).slice(basename(import.meta.url).lastIndexOf('.'));
  return fileURLToPath(new URL(`./isolated${extension}`, import.meta.url));
}

/** From source the process needs tsx, as this one does; a debugger's port is this one's alone. */
function loader(): { execArgv: string[] } {
  const execArgv = process.execArgv.filter((word) => !word.startsWith('--inspect'));
  if (!import.meta.url.endsWith('.ts')) return { execArgv };
  return { execArgv: [...execArgv, '--import', import.meta.resolve('tsx')] };
}
