import type { TrainConfig } from '../config.ts';
import type { Accounting } from '../data/options.ts';
import type { Engine } from '../native/addon.d.ts';
import { untilAborted } from './abort.ts';
import { Best } from './best.ts';
import type { StepRecord } from './events.ts';
import { after, ahead, type BatchSource, type Group, stepGroups } from './groups.ts';
import type { EvaluationRow } from './metrics.ts';
import { makeSchedule, type Schedule } from './schedule.ts';
import type { Cursor, SessionState, Stateful } from './state.ts';
import { Stepper } from './stepper.ts';
import { Window } from './window.ts';

/**
 * A run under way: everything that changes from step to step, beside what the engine holds. A
 * checkpoint is this and the engine's tensors; to resume, and to rewind, is to put both back.
 */
export class Session implements Stateful<SessionState> {
  /** The next row to train on. */
  cursor: Cursor = { epoch: 0, row: 0 };
  /** Epochs done, fractional. */
  epoch = 0;
  evalLoss: number | null = null;
  /** An evaluation of this step has yet to be made. */
  evaluationDue = false;
  readonly #config: TrainConfig;
  #source: BatchSource | null = null;
  #account: Accounting | null = null;
  readonly stepper: Stepper;
  readonly schedule: Schedule;
  readonly window = new Window();
  readonly best: Best;
  /** Whatever else counts from step to step, by its name in trainer_state.json. */
  readonly guards: ReadonlyMap<string, Stateful<unknown>>;

  /** `capacity`: the most tokens that the engine takes at a time. */
  constructor(
    engine: Engine,
    config: TrainConfig,
    readonly total: number,
    capacity: number,
    guards: Readonly<Record<string, Stateful<unknown>>> = {},
  ) {
    this.#config = config;
    this.schedule = makeSchedule(config, total);
    this.stepper = new Stepper(engine, config, this.schedule, total, capacity);
    this.best = new Best(config);
    this.guards = new Map(Object.entries(guards));
  }

  /** One update; throws as the stepper does. */
  async step(group: Group): Promise<StepRecord> {
    const record = await this.stepper.step(group);
    const { epoch, batch } = group.next;
    this.cursor = { epoch, row: batch * this.#config.perDeviceTrainBatchSize };
    this.epoch = record.epoch;
    this.window.add(record);
    return record;
  }

  /** Takes an evaluation of this step; whether it is the best so far. */
  observe(row: EvaluationRow): boolean {
    this.schedule.observe(row.eval_loss);
    this.evalLoss = row.eval_loss;
    this.evaluationDue = false;
    return this.best.observe(row);
  }

  get done(): number {
    return this.stepper.done;
  }

  /** Groups from the cursor on until `signal` aborts, of which the first `skip` are left out. */
  groups(source: BatchSource, skip: number, signal?: AbortSignal): AsyncGenerator<Group> {
    const { perDeviceTrainBatchSize, gradientAccumulationSteps } = this.#config;
    this.#source = source;
    const { epoch, row } = this.cursor;
    const start = { epoch, batch: row / perDeviceTrainBatchSize };
    const groups = stepGroups(source, gradientAccumulationSteps, start);
    return untilAborted(ahead(after(groups, skip, signal)), signal);
  }

  capture(): SessionState {
    return {
      global_step: this.stepper.done,
      max_steps: this.total,
      epoch: this.epoch,
      num_input_tokens_seen: this.stepper.tokens,
      best_metric: this.best.metric,
      best_global_step: this.best.step,
      eval_loss: this.evalLoss,
      evaluation_due: this.evaluationDue,
      cursor: { ...this.cursor },
      account: this.cursor.epoch > 0 ? (this.#source?.carriedAccount ?? this.#account) : null,
      totals: this.stepper.capture(),
      window: this.window.capture(),
      plateau: this.schedule.capture(),
      guards: Object.fromEntries([...this.guards].map(([name, guard]) => [name, guard.capture()])),
    };
  }

  /** A guard that the state does not know stays as it is. */
  restore(state: SessionState): void {
    this.cursor = { ...state.cursor };
    this.#account = state.account;
    this.epoch = state.epoch;
    this.evalLoss = state.eval_loss;
    this.evaluationDue = state.evaluation_due;
    this.best.metric = state.best_metric;
    this.best.step = state.best_global_step;
    this.stepper.done = state.global_step;
    this.stepper.tokens = state.num_input_tokens_seen;
    this.stepper.restore(state.totals);
    this.window.restore(state.window, state.num_input_tokens_seen);
    this.schedule.restore(state.plateau);
    for (const [name, guard] of this.guards) {
      if (Object.hasOwn(state.guards, name)) guard.restore(state.guards[name]);
    }
  }
}
