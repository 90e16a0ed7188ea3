import { freemem } from 'node:os';
import { join } from 'node:path';
import { openAdapter } from '../checkpoint/adapter.ts';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import type { Patience } from '../checkpoint/durable.ts';
import type { OutputFile } from '../checkpoint/files.ts';
import { momentFiles, momentReads } from '../checkpoint/moments.ts';
import { makeLoadPlan, tensorReads } from '../checkpoint/plan.ts';
import { type CheckpointStore, type Contents, type Found, problemOf } from '../checkpoint/store.ts';
import type { Engine, Progress, TensorRead } from '../native/addon.d.ts';
import { readBytes } from '../read.ts';
import type { MetricsFile } from './metrics.ts';
import type { Model } from './model.ts';
import { type AdapterPlan, resultFiles } from './result.ts';
import {
  type Identity,
  parseState,
  type RunState,
  type SessionState,
  STATE_FILE,
  stateText,
} from './state.ts';

/** A snapshot of one file is one array. */
const MOST_BYTES = 2 ** 31;

/** What checkpoints are made of, and where they go. */
export interface Making {
  engine: Engine;
  model: Model;
  adapter: AdapterPlan | null;
  template: string | null;
  store: CheckpointStore;
  metrics: Pick<MetricsFile, 'sync'>;
  /** The run, by a name that no other has. */
  id: string;
  identity: () => Promise<Identity>;
  keep: number | null;
  patience: Patience;
}

/** Makes checkpoints of a run while it goes on, and puts it back to one. */
export class Checkpoints {
  readonly #making: Making;
  readonly #rounded: ReadonlySet<string>;
  readonly #files: readonly OutputFile[];
  #writing: Promise<void> = Promise.resolve();
  /** The step of the last one that was begun, or loaded. */
  #last = -1;
  /** Told where a checkpoint lies once it is on the disk. */
  onPublished: (found: Found) => void = () => {};

  private constructor(making: Making, files: readonly OutputFile[], rounded: ReadonlySet<string>) {
    this.#making = making;
    this.#files = files;
    this.#rounded = rounded;
  }

  static async open(making: Making): Promise<Checkpoints> {
    const { engine, model, adapter, template, store } = making;
    const rounded = adapter ? new Set<string>() : roundedIn(model);
    // Into a folder of its own, so that nothing lies there already.
    const dir = join(store.dir, 'checkpoint');
    const files = await resultFiles(engine, model, adapter, dir, template);
    return new Checkpoints(making, [...files, ...momentFiles(engine, rounded)], rounded);
  }

  /** Bytes of memory that one takes while it is written; 0 where it is written from the engine. */
  get memory(): number {
    const sizes = this.#files.map(({ size }) => size);
    const sum = sizes.reduce((a, b) => a + b, 0);
    return Math.max(...sizes) < MOST_BYTES && sum < freemem() / 2 ? sum : 0;
  }

  /**
   * Takes the run as it is now and writes it while training goes on, at most one at a time. Where
   * the snapshot does not fit into memory beside the run, training waits for the writing. A write
   * that fails is told, and the run goes on.
   */
  async save(session: SessionState, best: number | null): Promise<void> {
    if (session.global_step === this.#last) return this.settle();
    await this.settle();
    this.#last = session.global_step;
    const { engine } = this.#making;
    const small = this.memory > 0;
    // All calls are queued before the engine's next step; none is waited for.
    const contents = this.#files.map(async ({ name, bytes, write }): Promise<Contents> => {
      return small ? { name, bytes: await bytes() } : { name, write };
    });
    this.#writing = this.#write(session, best, contents, engine.progress()).catch((error) => {
      const { message } = error as Error;
      this.#making.patience.tell(`checkpoint-${session.global_step} is not written: ${message}`);
      this.#last = -1;
    });
    if (!small) await this.settle();
  }

  /** The step of the newest that is on the disk, or null. */
  async latest(): Promise<number | null> {
    await this.settle();
    return (await this.#making.store.list()).at(-1)?.step ?? null;
  }

  /** Resolves once nothing is being written. */
  async settle(): Promise<void> {
    await this.#writing;
  }

  async #write(
    session: SessionState,
    best: number | null,
    contents: readonly Promise<Contents>[],
    progress: Promise<Progress>,
  ): Promise<void> {
    const { store, id, keep, patience, identity, metrics } = this.#making;
    const [files, engine] = await Promise.all([Promise.all(contents), progress]);
    const state: RunState = { format: 1, run: id, ...session, engine, ...(await identity()) };
    const bytes = Buffer.from(stateText(state));
    await metrics.sync();
    const all = [...files, { name: STATE_FILE, bytes }];
    this.onPublished(await store.publish(id, session.global_step, all, patience));
    if (keep === null) return;
    await store.prune(id, keep, best).catch(({ message }: Error) => patience.tell(message));
  }

  /** Loads a checkpoint into the engine: values, moments, masters and counters. */
  async load({ dir }: Found, state: RunState): Promise<void> {
    const { engine } = this.#making;
    const moments = await momentReads(dir, engine.parameters(), this.#rounded);
    await engine.load([...(await this.#values(dir)), ...moments]);
    await engine.restore(state.engine);
    this.#last = state.global_step;
  }

  /** Loads the weights of the checkpoint of a step, for a result; says what the result is. */
  async takeBest(step: number): Promise<string> {
    const { engine, store } = this.#making;
    const found = (await store.list()).find((checkpoint) => checkpoint.step === step);
    const problem = found ? await problemOf(found.dir) : 'it is not there';
    if (!found || problem !== null) {
      return `checkpoint-${step}, the best, cannot be used (${problem}); the result is the last step`;
    }
    const moments = await momentReads(found.dir, engine.parameters(), this.#rounded);
    const masters = moments.filter(({ part }) => part === 'value');
    await engine.load([...(await this.#values(found.dir)), ...masters]);
    return `the result is checkpoint-${step}, the best by its evaluation`;
  }

  /** Where a checkpoint keeps what was trained, but for what has a master beside it. */
  async #values(dir: string): Promise<TensorRead[]> {
    const { model, adapter } = this.#making;
    const { descriptor, spec } = model;
    if (adapter) return (await openAdapter(dir, descriptor, spec)).reads;
    const reads = tensorReads(makeLoadPlan(await openCheckpoint(dir), descriptor, spec));
    return reads.filter(({ name }) => !this.#rounded.has(name));
  }
}

/** Parameters that a full checkpoint stores in fewer bits than they are trained in. */
function roundedIn(model: Model): ReadonlySet<string> {
  return new Set([...model.plan].filter(([, { dtype }]) => dtype !== 'F32').map(([name]) => name));
}

/** A checkpoint's state. Throws `checkpoint`. */
export async function readState(dir: string): Promise<RunState> {
  const path = join(dir, STATE_FILE);
  return parseState(path, readBytes(path, 'checkpoint').toString());
}
