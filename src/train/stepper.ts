import { inParts } from '../batch/parts.ts';
import type { TrainConfig } from '../config.ts';
import { AttuneError } from '../errors.ts';
import type { BatchSums, Engine, UpdateResult } from '../native/addon.d.ts';
import type { StepRecord } from './events.ts';
import type { Group } from './groups.ts';
import type { Schedule } from './schedule.ts';
import type { Totals } from './state.ts';
import { addSums, emptySums } from './sums.ts';

/** Updates in a row that may be left out because their gradient was not finite. */
const MOST_SKIPPED = 3;

/** Makes optimizer steps of groups of micro-batches, and keeps the run's totals. */
export class Stepper {
  done = 0;
  skipped = 0;
  tokens = 0;
  seconds = 0;
  readonly sums = emptySums();
  readonly #engine: Engine;
  readonly #config: TrainConfig;
  readonly #schedule: Pick<Schedule, 'at'>;
  readonly #total: number;
  readonly #capacity: number;
  #skippedInARow = 0;
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

  /** One update. Throws `non_finite` when the third in a row had to be left out. */
  async step(group: Group): Promise<StepRecord> {
    // The wait for the first rows is no part of the first step.
    if (!this.#started) this.restartClock();
    this.#started = true;
    const learningRate = this.#schedule.at(this.done);
    const { sums, update } = await this.#update(group, learningRate);
    this.done++;
    this.#count(update.applied, group.trained);
    const tokens = group.batches.reduce((sum, batch) => sum + batch.tokens.length, 0);
    const before = this.#ended;
    this.#ended = performance.now();
    const seconds = (this.#ended - before) / 1000;
    addSums(this.sums, sums);
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
    return { ...this.sums, seconds, skipped, skipped_in_a_row: this.#skippedInARow };
  }

  restore({ seconds, skipped, skipped_in_a_row, ...sums }: Totals): void {
    Object.assign(this.sums, sums);
    this.seconds = seconds;
    this.skipped = skipped;
    this.#skippedInARow = skipped_in_a_row;
    this.#started = false;
  }

  /** What has happened since the last step, an evaluation say, is no part of the next. */
  restartClock(): void {
    this.#ended = performance.now();
  }

  /** Every call is queued at once, so that the engine's thread never waits for this one. */
  async #update(
    group: Group,
    learningRate: number,
  ): Promise<{ sums: BatchSums; update: UpdateResult }> {
    const sums = emptySums();
    if (group.trained === 0) return { sums, update: { gradNorm: 0, applied: false } };
    const parts = group.batches
      .flatMap((batch) => inParts(batch, this.#capacity))
      .map((part) => this.#engine.accumulate(part));
    const { adamBeta1, adamBeta2, adamEpsilon, weightDecay, maxGradNorm } = this.#config;
    const updating = this.#engine.update({
      learningRate,
      beta1: adamBeta1,
      beta2: adamBeta2,
      epsilon: adamEpsilon,
      weightDecay,
      maxGradNorm,
      tokens: group.trained,
    });
    const [update] = await Promise.all([updating, ...parts]);
    for (const part of parts) addSums(sums, await part);
    return { sums, update };
  }

  #count(applied: boolean, trained: number): void {
    if (applied || trained === 0) {
      this.#skippedInARow = 0;
      return;
    }
    this.skipped++;
    if (++this.#skippedInARow < MOST_SKIPPED) return;
    throw new AttuneError(
      'non_finite',
      `the gradient of ${MOST_SKIPPED} steps in a row, up to step ${this.done}, was not finite; weights are as before. A lower learning_rate or dtype float32 may help`,
    );
  }
}
