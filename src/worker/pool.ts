// The one file that imports piscina, for both sides.
import { Piscina } from 'piscina';
import { threadFile } from '../data/thread.ts';
import { AttuneError } from '../errors.ts';
import type { Documents } from './documents.ts';
import { RowFault, TaskFault } from './fault.ts';
import type { EncodeAnswer, EncodeSetup, EncodeTask } from './messages.ts';

/** How often a task is tried whose worker ends without an answer: memory and signals come and go. */
const attempts = 3;
/** Bytes of rows that the slowest worker encodes in a millisecond. */
const slowest = 20;

/** What a worker may take. */
export interface Limits {
  /** Milliseconds for a task, besides what its bytes take at the slowest. */
  patience: number;
  /** MiB of its heap; Node's own limit where it is not given. */
  heap?: number;
}

/**
 * Worker threads that encode rows. A worker that crashes, runs out of memory or hangs is replaced,
 * and its task done once more: no row is lost.
 */
export class EncodePool {
  private readonly pool: Piscina<EncodeTask, EncodeAnswer>;
  readonly threads: number;
  private closed = false;

  /** Starts the threads; each loads the tokenizer at once. */
  constructor(
    setup: EncodeSetup,
    private readonly limits: Limits = { patience: 120_000 },
  ) {
    this.threads = Math.max(1, setup.options.workers);
    this.pool = new Piscina({
      ...threadFile(import.meta.url, 'encode.worker'),
      workerData: setup,
      minThreads: this.threads,
      maxThreads: this.threads,
      idleTimeout: Number.POSITIVE_INFINITY,
      ...(limits.heap ? { resourceLimits: { maxOldGenerationSizeMb: limits.heap } } : {}),
    });
    this.pool.on('error', () => {});
  }

  /**
   * Encodes the rows of a task. Rejects with the worker's AttuneError, a RowFault where a row is bad, and a
   * TaskFault for rows that no worker survives.
   */
  async run(task: EncodeTask): Promise<Documents> {
    const answer = await this.answer(task);
    if (!('failure' in answer)) return answer;
    const { code, message, row } = answer.failure;
    throw row === null ? new AttuneError(code, message) : new RowFault(code, message, row);
  }

  /** Ends the threads; tasks under way are rejected. */
  async close(): Promise<void> {
    this.closed = true;
    await this.pool.destroy();
  }

  private async answer(task: EncodeTask): Promise<EncodeAnswer> {
    for (let left = attempts; ; ) {
      // An aborted task takes its thread with it.
      const hung = AbortSignal.timeout(this.limits.patience + Math.ceil(bytesOf(task) / slowest));
      try {
        return await this.pool.run(task, { signal: hung });
      } catch (cause) {
        if (this.closed) throw cause;
        if (--left > 0) continue;
        const how = hung.aborted ? 'did not answer' : `ended (${(cause as Error).message})`;
        throw new TaskFault(
          task,
          `the worker that encodes these rows ${how}, ${attempts} times; ` +
            'look for a row that is far larger than others, and lower dataset_num_proc where memory is short',
          { cause },
        );
      }
    }
  }
}

function bytesOf({ starts, ends }: EncodeTask): number {
  return ends.reduce((sum, end, i) => sum + end - (starts[i] ?? 0), 0);
}

/** Marks a worker's answer so that its arrays move to the main thread instead of being copied. */
export function moved({ words, columns }: Documents): EncodeAnswer {
  const buffers = [words, ...Object.values(columns)].map(({ buffer }) => buffer);
  return Piscina.move({
    [Piscina.transferableSymbol]: buffers,
    [Piscina.valueSymbol]: { words, columns },
  } as never) as unknown as EncodeAnswer;
}
