import { setImmediate } from 'node:timers/promises';
import type { EpochBatch } from '../batch/dataset.ts';
import type { Accounting } from '../data/options.ts';
import { AttuneError } from '../errors.ts';

/** The micro-batches of one optimizer step. */
export interface Group {
  /** Epochs done after this group; whole at the end of each. */
  epoch: number;
  endsEpoch: boolean;
  batches: EpochBatch[];
  /** Where the next group begins. */
  next: BatchCursor;
  /** Trained tokens of all of them: what the gradients are divided by. */
  trained: number;
}

/** A micro-batch by its place: `batch` of an epoch, both from 0. */
export interface BatchCursor {
  epoch: number;
  batch: number;
}

/** Where batches come from: epoch by epoch, in an order that the epoch decides. */
export interface BatchSource {
  batches(epoch: number, startBatch: number): AsyncGenerator<EpochBatch>;
  /** What became of all rows, once an epoch is done, where that is not found again. */
  readonly carriedAccount?: Accounting | null;
}

/**
 * Optimizer steps without end from `start` on, `size` micro-batches each; the last of an epoch may
 * have fewer.
 */
export async function* stepGroups(
  source: BatchSource,
  size: number,
  start: BatchCursor = { epoch: 0, batch: 0 },
): AsyncGenerator<Group> {
  let { epoch, batch: done } = start;
  for (; ; epoch++, done = 0) {
    let ready: Group | null = null;
    let batches: EpochBatch[] = [];
    for await (const batch of source.batches(epoch, done)) {
      batches.push(batch);
      done++;
      if (batches.length < size) continue;
      if (ready) yield ready;
      ready = group(epoch, done, batches);
      batches = [];
    }
    if (batches.length > 0) {
      if (ready) yield ready;
      ready = group(epoch, done, batches);
    }
    if (!ready) throw new AttuneError('data', 'train_file: there is nothing to train');
    yield { ...ready, epoch: epoch + 1, endsEpoch: true, next: { epoch: epoch + 1, batch: 0 } };
  }
}

function group(epoch: number, done: number, batches: EpochBatch[]): Group {
  const trained = batches.reduce((sum, batch) => sum + batch.trained, 0);
  return {
    epoch: epoch + batches.at(-1)!.progress,
    endsEpoch: false,
    batches,
    next: { epoch, batch: done },
    trained,
  };
}

/** What follows the first `count` items; nothing where `signal` aborts before. Others run in between. */
export async function* after<T>(
  source: AsyncGenerator<T>,
  count: number,
  signal?: AbortSignal,
): AsyncGenerator<T> {
  for (let i = 0; i < count; i++) {
    // Items that are there already come without the event loop, which hears the signals.
    if (i % 16 === 0) await setImmediate();
    if (signal?.aborted || (await source.next()).done) return;
  }
  yield* source;
}

/** The same items, each fetched while the one before it is being used. */
export async function* ahead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  const pull = (): Promise<IteratorResult<T>> => {
    const next = source.next();
    // It may fail before it is waited for, or when nobody waits any more.
    next.catch(() => {});
    return next;
  };
  let next = pull();
  try {
    for (;;) {
      const item = await next;
      if (item.done) return;
      next = pull();
      yield item.value;
    }
  } finally {
    source.return(undefined).catch(() => {});
  }
}
