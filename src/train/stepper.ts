import type { Batch } from '../batch/batch.ts';
import { inParts } from '../batch/parts.ts';
import type { TrainConfig } from '../config.ts';
import { AttuneError } from '../errors.ts';
import type { BatchSums, Engine, UpdateResult } from '../native/addon.d.ts';
import type { StepRecord } from './events.ts';
import type { Group } from './groups.ts';
import type { Schedule } from './schedule.ts';
import type { Totals } from './state.ts';
import { addSums, emptySums } from './sums.ts';

/** Makes optimizer steps of groups of micro-batches, and keeps the run's totals. */
export class Stepper {
  done = 0;
  /** Steps without an update because the loss or the gradient was not finite: all, and the last in a row. */
  skipped = 0;
  skippedInARow = 0;
  /** How often memory ran out; the parts' most tokens where it did in the last step, else 0. */
  splits = 0;
  split = 0;
  tokens = 0;
  seconds = 0;
  readonly sums = emptySums();
  readonly #engine: Engine;
  readonly #config: TrainConfig;
  readonly #schedule: Pick<Schedule, 'at'>;
  readonly #total: number;
  #capacity: number;
  #started = false;
  #ended = performance.now();

  /** `capacity`: the most tokens that the engine takes at a time. */
  constructor(
    engine: Engine,
    config: TrainConfig,
    schedule: Pick<Schedule, 'at'>,
    total: number,
    capacity: number,
  ) {
    this.#engine = engine;
    this.#config = config;
    this.#schedule = schedule;
    this.#total = total;
    this.#capacity = capacity;
  }

  /** One update, or none where its gradient is not finite. */
  async step(group: Group): Promise<StepRecord> {
    // The wait for the first rows is no part of the first step.
    if (!this.#started) this.restartClock();
    this.#started = true;
    this.split = 0;
    const learningRate = this.#schedule.at(this.done);
    const { sums, update } = await this.#update(group, learningRate);
    this.done++;
    this.#count(update.applied, group.trained);
    const tokens = group.batches.reduce((sum, batch) => sum + batch.tokens.length, 0);
    const before = this.#ended;
    this.#ended = performance.now();
    const seconds = (this.#ended - before) / 1000;
    // One step without a loss is no reason to have none for the whole run.
    if (Number.isFinite(sums.loss)) addSums(this.sums, sums);
    this.tokens += tokens;
    this.seconds += seconds;
    return {
      step: this.done,
      totalSteps: this.#total,
      epoch: group.epoch,
      loss: sums.loss / sums.tokens,
      gradNorm: update.gradNorm,
      learningRate,
      tokens,
      seconds,
      applied: update.applied,
      sums,
    };
  }

  capture(): Totals {
    const { seconds, skipped } = this;
    return { ...this.sums, seconds, skipped, skipped_in_a_row: this.skippedInARow };
  }

  restore({ seconds, skipped, skipped_in_a_row, ...sums }: Totals): void {
    Object.assign(this.sums, sums);
    this.seconds = seconds;
    this.skipped = skipped;
    this.skippedInARow = skipped_in_a_row;
    this.#started = false;
  }

  /** What has happened since the last step, an evaluation say, is no part of the next. */
  restartClock(): void {
    this.#ended = performance.now();
  }

  /**
   * Every call is queued at once, so that the engine's thread never waits for this one. Where memory
   * runs out the step is made once more, in smaller parts: losses and gradients are sums.
   */
  async #update(
    group: Group,
    learningRate: number,
  ): Promise<{ sums: BatchSums; update: UpdateResult }> {
    const none = { sums: emptySums(), update: { gradNorm: 0, applied: false } };
    if (group.trained === 0) return none;
    const { adamBeta1, adamBeta2, adamEpsilon, weightDecay, maxGradNorm } = this.#config;
    for (;;) {
      const parts = group.batches.flatMap((batch) => inParts(batch, this.#capacity));
      const calls = parts.map((part) => this.#engine.accumulate(part));
      const updating = this.#engine.update({
        learningRate,
        beta1: adamBeta1,
        beta2: adamBeta2,
        epsilon: adamEpsilon,
        weightDecay,
        maxGradNorm,
        tokens: group.trained,
      });
      const [[update], found] = await Promise.all([
        Promise.allSettled([updating]),
        Promise.allSettled(calls),
      ]);
      const failure = [...found, update].find((result) => result.status === 'rejected');
      if (failure === undefined && update.status === 'fulfilled') {
        const sums = emptySums();
        for (const part of found) if (part.status === 'fulfilled') addSums(sums, part.value);
        return { sums, update: update.value };
      }
      this.#lowerCapacity(failure!.reason, parts);
      const taken = found.filter(({ status }) => status === 'fulfilled').length;
      const { updates, microBatches } = await this.#engine.progress();
      await this.#engine.restore({ updates, microBatches: microBatches - taken });
    }
  }

  /** Halves the parts that the engine takes. Throws where that is not what is wrong, or not possible. */
  #lowerCapacity(error: unknown, parts: readonly Batch[]): void {
    if (!(error instanceof AttuneError) || error.code !== 'out_of_memory') throw error;
    const largest = Math.max(...parts.map(({ tokens }) => tokens.length));
    if (parts.every(({ segments }) => segments.length === 2)) {
      throw new AttuneError(
        'out_of_memory',
        `step ${this.done + 1}: a document of ${largest} tokens needs more memory than is left (${error.message}); lower max_length, or train with LoRA`,
        { cause: error },
      );
    }
    this.#capacity = Math.ceil(largest / 2);
    this.splits++;
    this.split = this.#capacity;
  }

  /** A step without trained tokens has no gradient, and is no fault. */
  #count(applied: boolean, trained: number): void {
    const left = !applied && trained > 0;
    if (left) this.skipped++;
    this.skippedInARow = left ? this.skippedInARow + 1 : 0;
  }
}
