import type { StepRecord } from './events.ts';
import type { LogRow } from './metrics.ts';
import type { WindowState } from './state.ts';
import { addSums, emptySums } from './sums.ts';

/** What happened since the last row of metrics.jsonl. */
export class Window {
  #sums = emptySums();
  #tokens = 0;
  #steps = 0;
  #seconds = 0;
  #total = 0;

  add(record: StepRecord): void {
    addSums(this.#sums, record.sums);
    this.#tokens += record.tokens;
    this.#total += record.tokens;
    this.#seconds += record.seconds;
    this.#steps++;
  }

  capture(): WindowState {
    return {
      ...this.#sums,
      input_tokens: this.#tokens,
      steps: this.#steps,
      seconds: this.#seconds,
    };
  }

  /** `total`: tokens read since the run began. */
  restore({ input_tokens, steps, seconds, ...sums }: WindowState, total: number): void {
    this.#sums = sums;
    this.#tokens = input_tokens;
    this.#steps = steps;
    this.#seconds = seconds;
    this.#total = total;
  }

  /** A row as of this step; the next window begins. */
  row({ step, epoch, gradNorm, learningRate }: StepRecord): LogRow {
    const { loss, correct, entropy, tokens } = this.#sums;
    const row: LogRow = {
      step,
      epoch,
      loss: loss / tokens,
      grad_norm: gradNorm,
      learning_rate: learningRate,
      mean_token_accuracy: correct / tokens,
      entropy: entropy / tokens,
      num_tokens: this.#total,
      tokens_per_second: this.#tokens / this.#seconds,
      step_seconds: this.#seconds / this.#steps,
    };
    this.#sums = emptySums();
    this.#tokens = 0;
    this.#steps = 0;
    this.#seconds = 0;
    return row;
  }
}
