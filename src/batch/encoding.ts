import { AttuneError } from '../errors.ts';
import { RowFault, TaskFault } from '../worker/fault.ts';
import type { EncodePool } from '../worker/pool.ts';
import { firstFault } from './fault.ts';
import type { Records } from './records.ts';
import type { DocumentStore } from './store.ts';

/** A worker is given so many rows at a time, or so many bytes of them. */
const taskRows = 250;
const taskBytes = 1 << 20;
/** Rows that are encoded before they are asked for. */
const rowsAhead = 2000;

/**
 * Encodes rows into a store, in the order in which they will be wanted: all of them, or no further
 * ahead of the wanting than a little. The first failure ends it, and is what every later `reach`
 * rejects with.
 */
export class Encoding {
  /** Of `rows`, so many are wanted, are given to workers, and are there. */
  private wanted = 0;
  private next = 0;
  private done = 0;
  private flights: Flight[] = [];
  private waiters: Waiter[] = [];
  private failing = false;
  private failure: Error | null = null;

  constructor(
    private readonly records: Records,
    private readonly rows: Uint32Array,
    private readonly store: DocumentStore,
    private readonly pool: () => EncodePool,
    private readonly all: boolean,
  ) {}

  /** Rows that are encoded, of those that are in order without a gap. */
  get reached(): number {
    return this.done;
  }

  /** Waits until rows [0, end) are encoded; goes on behind them. Rejects with the error of a bad row. */
  async reach(end: number): Promise<void> {
    if (this.failure !== null) throw this.failure;
    const { length } = this.rows;
    this.wanted = this.all ? length : Math.max(this.wanted, Math.min(length, end + rowsAhead));
    this.work();
    if (this.done >= end) return;
    await new Promise<void>((resolve, reject) => this.waiters.push({ end, resolve, reject }));
  }

  /** Whether a row, or a thread, failed. */
  get failed(): boolean {
    return this.failing;
  }

  /** Encodes what the store no longer has. */
  restart(): void {
    this.next = 0;
    this.done = 0;
    this.flights = [];
  }

  /** Ends it: what waits is rejected with this error, if there was none before. */
  end(error: Error): void {
    this.failing = true;
    this.failure ??= error;
    for (const waiter of this.waiters.splice(0)) waiter.reject(this.failure);
  }

  /** Gives work to the threads, as much as they can take. */
  private work(): void {
    while (!this.failing) {
      const rows = this.take();
      if (rows === null) break;
      const flight: Flight = {
        start: rows.start,
        error: null,
        ended: false,
        run: Promise.resolve(),
      };
      this.flights.push(flight);
      flight.run = this.fly(flight, rows.rows);
    }
    this.settle();
  }

  /** The next rows that are not there; null where there are none, or every thread is busy. */
  private take(): { start: number; rows: Uint32Array } | null {
    const { store, records } = this;
    while (this.next < this.wanted && store.has(this.rows[this.next]!)) this.next++;
    if (this.next >= this.wanted) return null;
    if (this.flights.filter(({ ended }) => !ended).length > this.pool().threads) return null;
    const start = this.next;
    const rows: number[] = [];
    for (let bytes = 0; this.next < this.wanted && rows.length < taskRows && bytes < taskBytes; ) {
      const row = this.rows[this.next++]!;
      if (store.has(row)) continue;
      rows.push(row);
      bytes += records.bytes(row);
    }
    return { start, rows: Uint32Array.from(rows) };
  }

  private async fly(flight: Flight, rows: Uint32Array): Promise<void> {
    try {
      const documents = await this.pool().run(this.records.task(rows));
      if (this.failure === null) this.store.add(rows, documents);
    } catch (error) {
      flight.error = error as Error;
    }
    flight.ended = true;
    if (flight.error === null) this.work();
    else void this.fail(flight);
  }

  /** Moves the mark up to the first row that is under way, and lets go on who waits for less. */
  private settle(): void {
    while (this.flights[0]?.ended && this.flights[0].error === null) this.flights.shift();
    this.done = Math.max(this.done, this.flights[0]?.start ?? this.next);
    this.waiters = this.waiters.filter(({ end, resolve }) => {
      if (end > this.done) return true;
      resolve();
      return false;
    });
  }

  /**
   * Of several bad rows the first in the files is named, where all rows are read, else the first in
   * order: the same whatever the number of threads.
   */
  private async fail(cause: Flight): Promise<void> {
    if (this.failing) return;
    this.failing = true;
    while (this.flights.some(({ ended }) => !ended)) {
      await Promise.all(this.flights.map(({ run }) => run));
    }
    const errors = [...this.flights, cause].flatMap(({ error }) => error ?? []);
    const error = errors.find((each) => !(each instanceof RowFault)) ?? errors[0]!;
    // Where the file is gone meanwhile, its lines cannot be counted.
    this.end(await this.explain(error).catch(() => error));
  }

  private async explain(error: Error): Promise<Error> {
    const { records, store, pool } = this;
    if (!(error instanceof RowFault || error instanceof TaskFault)) return error;
    if (!this.all || error instanceof TaskFault) {
      return records.explain(error, (task) => pool().run(task));
    }
    const untried = (row: number) => !store.has(row);
    return firstFault(error, records, untried, pool().threads, (task) => pool().run(task));
  }
}

/** Rows that a thread encodes; `start` is where in the order they begin. */
interface Flight {
  start: number;
  ended: boolean;
  error: Error | null;
  run: Promise<void>;
}

interface Waiter {
  end: number;
  resolve: () => void;
  reject: (error: Error) => void;
}

/** What rejects where a dataset was closed meanwhile. */
export function closedError(): AttuneError {
  return new AttuneError('disposed', 'the dataset is closed');
}
