import type { EpochBatch } from '../batch/dataset.ts';
import { AttuneError } from '../errors.ts';

/** The micro-batches of one optimizer step. */
export interface Group {
  /** Epochs done after this group; whole at the end of each. */
  epoch: number;
  endsEpoch: boolean;
  batches: EpochBatch[];
  /** Trained tokens of all of them: what the gradients are divided by. */
  trained: number;
}

/** Where batches come from: epoch by epoch, in an order that the epoch decides. */
export interface BatchSource {
  batches(epoch: number): AsyncGenerator<EpochBatch>;
}

/** Optimizer steps without end, `size` micro-batches each; the last of an epoch may have fewer. */
export async function* stepGroups(source: BatchSource, size: number): AsyncGenerator<Group> {
  for (let epoch = 0; ; epoch++) {
    let ready: Group | null = null;
    let batches: EpochBatch[] = [];
    for await (const batch of source.batches(epoch)) {
      batches.push(batch);
      if (batches.length < size) continue;
      if (ready) yield ready;
      ready = group(epoch, batches);
      batches = [];
    }
    if (batches.length > 0) {
      if (ready) yield ready;
      ready = group(epoch, batches);
    }
    if (!ready) throw new AttuneError('data', 'train_file: there is nothing to train');
    yield { ...ready, epoch: epoch + 1, endsEpoch: true };
  }
}

function group(epoch: number, batches: EpochBatch[]): Group {
  const trained = batches.reduce((sum, batch) => sum + batch.trained, 0);
  return { epoch: epoch + batches.at(-1)!.progress, endsEpoch: false, batches, trained };
}

/** The same items, each fetched while the one before it is being used. */
export async function* ahead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = source.next();
  try {
    for (;;) {
      const item = await next;
      if (item.done) return;
      next = source.next();
      yield item.value;
    }
  } finally {
    // Nobody waits for these once the consumer has stopped.
    next.catch(() => {});
    source.return(undefined).catch(() => {});
  }
}
