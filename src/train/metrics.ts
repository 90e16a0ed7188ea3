import { closeSync, openSync, writeSync } from 'node:fs';
import { writeError } from '../checkpoint/files.ts';

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

/** metrics.jsonl: one JSON object a line, on its way to the disk when `write` returns. */
export class MetricsFile {
  readonly #path: string;
  readonly #file: number;

  /** Begins the file anew. Throws `device` where that is not possible. */
  constructor(path: string) {
    this.#path = path;
    this.#file = this.#attempt(() => openSync(path, 'w'));
  }

  write(row: LogRow | EvaluationRow): void {
    this.#attempt(() => writeSync(this.#file, `${rowText(row)}\n`));
  }

  close(): void {
    closeSync(this.#file);
  }

  #attempt<T>(call: () => T): T {
    try {
      return call();
    } catch (cause) {
      throw writeError(this.#path, cause);
    }
  }
}

/** JSON has no NaN and no infinity; they are written as text rather than lost. */
export function rowText(row: object): string {
  return JSON.stringify(row, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
}
