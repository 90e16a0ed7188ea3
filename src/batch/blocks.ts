import type { DataOptions } from '../data/options.ts';
import { AttuneError } from '../errors.ts';
import type { Block } from '../worker/messages.ts';
import { EncodePool } from '../worker/pool.ts';
import { firstFault } from './fault.ts';
import { permutation, purpose } from './random.ts';
import type { Records } from './records.ts';

/** Rows in a block, as in TRL's batched map: packed rows never span two blocks. */
const blockRows = 1000;
/** Where nothing is packed the first blocks are smaller, so that training begins sooner. */
const firstBlocks = [100, 100, 200, 400];

/** Where each block of `length` rows starts, and where the last one ends. */
export function blockBounds(length: number, packed: boolean): number[] {
  const bounds = [0];
  for (let end = 0; end < length; ) {
    const rows = packed ? blockRows : (firstBlocks[bounds.length - 1] ?? blockRows);
    end = Math.min(length, end + rows);
    bounds.push(end);
  }
  return bounds;
}

/**
 * The encoded blocks of a dataset, in memory as flat arrays. Encoding starts at once and goes on
 * in threads; `get` waits for what it needs. The first failure ends it and is what every later
 * `get` rejects with.
 */
export class Blocks {
  readonly count: number;
  private readonly bounds: number[];
  private readonly slots: Slot[];
  private readonly pool: EncodePool;
  private next = 0;
  private failure: Error | null = null;
  private readonly finished: Promise<unknown>;

  constructor(
    private readonly source: Records,
    private readonly options: DataOptions,
  ) {
    this.bounds = blockBounds(source.length, options.packing !== false);
    this.count = this.bounds.length - 1;
    this.slots = Array.from({ length: this.count }, makeSlot);
    this.pool = new EncodePool({ options, files: source.files });
    const order = this.recordOrder();
    const lanes = Array.from({ length: this.pool.threads + 1 }, () => this.encode(order));
    this.finished = Promise.all(lanes).finally(() => this.pool.close());
    this.finished.catch(() => {});
  }

  /** Records of the dataset, and how many of them block `index` was made from. */
  get records(): number {
    return this.bounds[this.count] ?? 0;
  }

  recordsIn(index: number): number {
    return (this.bounds[index + 1] ?? 0) - (this.bounds[index] ?? 0);
  }

  /** Block `index`. Rejects with the error that ended encoding. */
  get(index: number): Promise<Block> {
    const slot = this.slots[index];
    if (slot === undefined) return Promise.reject(new RangeError(`no block ${index}`));
    return slot.promise;
  }

  async all(): Promise<Block[]> {
    return Promise.all(this.slots.map((slot) => slot.promise));
  }

  /** The blocks that are encoded by now. */
  soFar(): Block[] {
    return this.slots.map((slot) => slot.block).filter((block) => block !== null);
  }

  /** Records of those blocks. */
  get recordsSoFar(): number {
    return this.slots.reduce(
      (sum, { block }, index) => sum + (block === null ? 0 : this.recordsIn(index)),
      0,
    );
  }

  /** Stops encoding; blocks that are not there yet are rejected. Idempotent. */
  async close(): Promise<void> {
    this.fail(new AttuneError('disposed', 'the dataset is closed'));
    await this.pool.close();
    await this.finished.catch(() => {});
  }

  /** random: all records permuted before they are cut into blocks; otherwise file order. */
  private recordOrder(): Uint32Array {
    const { sampling, seed } = this.options;
    const { length } = this.source;
    if (sampling === 'random') return permutation(length, purpose.records, seed);
    return Uint32Array.from({ length }, (_, index) => index);
  }

  private async encode(order: Uint32Array): Promise<void> {
    while (this.next < this.count && this.failure === null) {
      const index = this.next++;
      const rows = order.subarray(this.bounds[index], this.bounds[index + 1]);
      try {
        const block = await this.pool.run(this.source.task(rows));
        const slot = this.slots[index] as Slot;
        slot.block = block;
        slot.resolve(block);
      } catch (error) {
        await this.endWith(error as Error);
      }
    }
  }

  /** Blocks come in random order; of several bad rows, the first in the files is named. */
  private async endWith(error: Error): Promise<void> {
    if (this.failure !== null) return;
    this.next = this.count;
    this.fail(
      await firstFault(error, this.source, this.pool.threads, (task) => this.pool.run(task)),
    );
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const slot of this.slots) slot.reject(this.failure);
  }
}

interface Slot {
  /** null until it is encoded. */
  block: Block | null;
  promise: Promise<Block>;
  resolve: (block: Block) => void;
  reject: (error: Error) => void;
}

function makeSlot(): Slot {
  const slot = { block: null } as Slot;
  slot.promise = new Promise((resolve, reject) => {
    slot.resolve = resolve;
    slot.reject = reject;
  });
  slot.promise.catch(() => {});
  return slot;
}
