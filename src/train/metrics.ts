import { closeSync, fdatasync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { type Patience, patiently } from '../checkpoint/durable.ts';
import { APPEND, writeError } from '../checkpoint/files.ts';
import { readBytes } from '../read.ts';

/** A row of metrics.jsonl about training, by TRL's names. Losses are means over trained tokens. */
export interface LogRow {
  step: number;
  /** Epochs done, fractional: by the share of records used up. */
  epoch: number;
  loss: number;
  /** Of the last step, before clipping. */
  grad_norm: number;
  /** Used by the last step. */
  learning_rate: number;
  mean_token_accuracy: number;
  /** Nats. */
  entropy: number;
  /** Tokens read since the run began. */
  num_tokens: number;
  tokens_per_second: number;
  /** Wall time between step ends. */
  step_seconds: number;
}

/** A row of metrics.jsonl about an evaluation while training. */
export interface EvaluationRow {
  step: number;
  epoch: number;
  eval_loss: number;
  eval_mean_token_accuracy: number;
  eval_entropy: number;
  /** Trained tokens of the evaluation data. */
  eval_tokens: number;
  eval_runtime: number;
}

/** A row of metrics.jsonl about something that a guard noticed. */
export interface GuardRow {
  /** Where the run goes on: the step itself, or the one it went back to. */
  step: number;
  epoch: number;
  guard: 'non_finite' | 'loss_spike' | 'out_of_memory';
  guard_action: 'skip' | 'warn' | 'rewind' | 'stop' | 'split';
  /** The step that it is about, its mean loss and the norm of its gradient. */
  guard_step: number;
  guard_loss: number;
  guard_grad_norm: number;
  /** How often this guard has noticed something in this run. */
  guard_count: number;
}

/** metrics.jsonl: one JSON object a line, on its way to the disk when `write` is done. */
export class MetricsFile {
  readonly #path: string;
  readonly #patience: Patience;
  readonly #file: number;
  #size = 0;

  /**
   * Goes on after the rows up to step `keep`, where that is not -1; begins anew otherwise. Throws `device` where that is
   * not possible.
   */
  constructor(path: string, patience: Patience, keep = -1) {
    this.#path = path;
    this.#patience = patience;
    try {
      this.#file = openSync(path, APPEND);
    } catch (cause) {
      throw writeError(path, cause);
    }
    this.cut(keep);
  }

  /** Waits for space on a full disk; a row is there whole or not at all. */
  async write(row: LogRow | EvaluationRow | GuardRow): Promise<void> {
    const bytes = Buffer.from(`${rowText(row)}\n`);
    await patiently(this.#path, async () => this.#append(bytes), this.#patience);
    this.#size += bytes.length;
  }

  /** Removes the rows after `step`, and whatever follows the first line that is no row. */
  cut(step: number): void {
    const bytes = readBytes(this.#path, 'device');
    let end = 0;
    let next = bytes.indexOf('\n') + 1;
    while (next > end && stepOf(bytes.toString('utf8', end, next)) <= step) {
      end = next;
      next = bytes.indexOf('\n', end) + 1;
    }
    ftruncateSync(this.#file, end);
    this.#size = end;
  }

  /** What was written is on the disk after this. */
  async sync(): Promise<void> {
    await promisify(fdatasync)(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }

  #append(bytes: Uint8Array): void {
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#file, bytes, done);
    } catch (error) {
      ftruncateSync(this.#file, this.#size);
      throw error;
    }
  }
}

/** The step of a row; NaN for a line that is none. */
function stepOf(line: string): number {
  try {
    return Number(JSON.parse(line).step);
  } catch {
    return Number.NaN;
  }
}

/** JSON has no NaN and no infinity; they are written as text rather than lost. */
export function rowText(row: object): string {
  return JSON.stringify(row, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
}
