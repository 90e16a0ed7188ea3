import * as v from 'valibot';
import type { TrainConfig } from '../config.ts';
import { AttuneError } from '../errors.ts';
import type { StepRecord } from './events.ts';
import { short } from './format.ts';
import type { GuardRow } from './metrics.ts';
import type { Stateful } from './state.ts';
import type { Stepper } from './stepper.ts';

type GuardConfig = Pick<
  TrainConfig,
  | 'nonFinite'
  | 'nonFiniteLimit'
  | 'lossSpike'
  | 'lossSpikeFactor'
  | 'lossSpikePatience'
  | 'lossSpikeWindow'
>;

/** What a guard has noticed after a step, and what is done about it. */
export interface Alarm {
  row: GuardRow;
  /** For people. */
  message: string;
}

/** Watches the steps of a run. What the guards count is part of its checkpoints. */
export class Guards {
  readonly #config: GuardConfig;
  readonly #spikes: LossSpikes;

  constructor(config: GuardConfig) {
    this.#config = config;
    this.#spikes = new LossSpikes(config);
  }

  /** By name, for checkpoints. */
  get states(): Record<string, Stateful<unknown>> {
    return { loss_spike: this.#spikes };
  }

  /** What there is to say about a step that has just been made. */
  judge(record: StepRecord, stepper: Stepper): Alarm[] {
    const alarms: Alarm[] = [];
    if (stepper.split > 0) {
      const message = `step ${record.step}: memory ran out; micro-batches go in parts of at most ${stepper.split} tokens from now on, with the same sums`;
      alarms.push(alarm(record, 'out_of_memory', 'split', stepper.splits, message));
    }
    if (stepper.skippedInARow > 0) alarms.push(this.#notFinite(record, stepper));
    else if (this.#spikes.rises(record.loss)) alarms.push(this.#rise(record));
    return alarms;
  }

  #rise(record: StepRecord): Alarm {
    const { lossSpike, lossSpikeFactor: factor, lossSpikePatience: patience } = this.#config;
    const { mean, count } = this.#spikes;
    const steps = patience === 1 ? 'a step' : `${patience} steps in a row`;
    const message = `step ${record.step}: the loss of ${steps} is over ${factor} times the mean before (${short(record.loss)}, mean ${short(mean)})`;
    return alarm(record, 'loss_spike', lossSpike as 'warn', count, message);
  }

  #notFinite(record: StepRecord, { skipped: count, skippedInARow: inARow }: Stepper): Alarm {
    const { nonFinite, nonFiniteLimit: limit } = this.#config;
    const action = nonFinite === 'skip' && inARow >= limit ? 'stop' : nonFinite;
    const rows = `step ${record.step}: no update, its gradient is not finite`;
    const message = nonFinite === 'skip' && inARow > 1 ? `${rows} (${inARow} in a row)` : rows;
    return alarm(record, 'non_finite', action, count, message);
  }
}

function alarm(
  { step, epoch, loss, gradNorm }: StepRecord,
  guard: GuardRow['guard'],
  action: GuardRow['guard_action'],
  count: number,
  message: string,
): Alarm {
  const row = {
    step,
    epoch,
    guard,
    guard_action: action,
    guard_step: step,
    guard_loss: loss,
    guard_grad_norm: gradNorm,
    guard_count: count,
  };
  return { row, message };
}

/** The error of a run that a guard ends. */
export function stopError({ row, message }: Alarm): AttuneError {
  const remedy =
    row.guard === 'non_finite'
      ? 'weights are as before it. A lower learning_rate or dtype float32 may help; non_finite and non_finite_limit say what is done'
      : 'rewind goes back to an earlier checkpoint and skip_batches leaves rows out; loss_spike says what is done';
  return new AttuneError('non_finite', `${message}; ${remedy}`);
}

const spikeState = v.strictObject({
  losses: v.array(v.number()),
  outliers: v.number(),
  count: v.number(),
});

/**
 * Notices when the loss of several steps in a row is over a factor of the mean of the steps before,
 * as LLM Foundry's KillLossSpike does (window 100, factor 2, patience 4).
 */
export class LossSpikes implements Stateful<v.InferOutput<typeof spikeState>> {
  /** Mean of the window when it was last full. */
  mean = Number.NaN;
  count = 0;
  readonly #config: GuardConfig;
  #losses: number[] = [];
  #outliers = 0;

  constructor(config: GuardConfig) {
    this.#config = config;
  }

  /** Takes the loss of a step. After an alarm the window begins anew, at the new height. */
  rises(loss: number): boolean {
    const { lossSpike, lossSpikeFactor, lossSpikePatience, lossSpikeWindow } = this.#config;
    if (lossSpike === 'off' || !Number.isFinite(loss)) return false;
    const losses = this.#losses;
    if (losses.length === lossSpikeWindow) {
      this.mean = losses.reduce((sum, each) => sum + each, 0) / losses.length;
      if (loss > lossSpikeFactor * this.mean) {
        if (++this.#outliers < lossSpikePatience) return false;
        this.#losses = [];
        this.#outliers = 0;
        this.count++;
        return true;
      }
      losses.shift();
    }
    this.#outliers = 0;
    losses.push(loss);
    return false;
  }

  capture(): v.InferOutput<typeof spikeState> {
    return { losses: [...this.#losses], outliers: this.#outliers, count: this.count };
  }

  restore(state: unknown): void {
    const parsed = v.safeParse(spikeState, state);
    if (!parsed.success) {
      throw new AttuneError('checkpoint', 'trainer_state.json: guards.loss_spike is damaged');
    }
    const { losses, outliers, count } = parsed.output;
    this.#losses = losses.slice(-this.#config.lossSpikeWindow);
    this.#outliers = outliers;
    this.count = count;
  }
}
