import { EventEmitter } from 'node:events';
import type { Patience } from '../checkpoint/durable.ts';
import { type Resolved, resolveOptions, type TrainConfig, type TrainOptions } from '../config.ts';
import type { Accounting } from '../data/options.ts';
import { AttuneError } from '../errors.ts';
import { orAborted, stoppedBefore } from './abort.ts';
import { type Due, dueAfter, totalSteps } from './cadence.ts';
import { evaluationRow } from './evaluate.ts';
import type { StepRecord, TrainEvents, TrainResult } from './events.ts';
import { accountingLines } from './format.ts';
import { type Alarm, Guards, stopError } from './guards.ts';
import { runMemory } from './memory.ts';
import type { GuardRow } from './metrics.ts';
import { reported } from './report.ts';
import { saveResult } from './result.ts';
import { carriedState, stepsLeftOut } from './resume.ts';
import { type Rewind, Rewinder } from './rewind.ts';
import { accountAtEnd, accountOfAll, openRun, type Run } from './run.ts';
import { makeSchedule } from './schedule.ts';
import { Session } from './session.ts';

const NOTHING_DUE: Due = { logs: false, evaluates: false, saves: false };

/**
 * One supervised fine-tuning run.
 *
 * `train` runs it to its end. `steps` is the same, one optimizer step at a time; leaving it early
 * saves nothing. An aborted `signal` ends the run after the current step: the result so far is
 * written and the call rejects with code `aborted`.
 */
export class SFTTrainer extends EventEmitter<TrainEvents> {
  readonly config: TrainConfig;
  readonly #signal: AbortSignal | undefined;
  readonly #notes: string[];
  readonly #patience: Patience;
  #used = false;
  #result: TrainResult | null = null;
  #rewind: (Rewind & { row?: GuardRow }) | null = null;
  readonly #rewinder = new Rewinder();
  #accounting: Accounting | null = null;

  /** Throws `config`, before any file is read, for a key that is unknown or wrong. */
  constructor(options: (TrainOptions | Resolved) & { signal?: AbortSignal | undefined }) {
    super();
    const { signal, ...keys } = options;
    const { config, notes } = 'config' in keys ? keys : resolveOptions(keys);
    makeSchedule(config, 1);
    this.config = config;
    this.#signal = signal;
    this.#notes = notes;
    this.#patience = { signal, tell: (message) => this.emit('warning', message) };
  }

  /** Trains to the end and writes the result to `outputDir`. */
  async train(): Promise<TrainResult> {
    const steps = this.steps();
    while (!(await steps.next()).done);
    return this.#result!;
  }

  /** Trains, yielding after each optimizer step; the result is written after the last. */
  async *steps(): AsyncGenerator<StepRecord, void, void> {
    if (this.#used) throw new AttuneError('config', 'a trainer runs once; make another');
    this.#used = true;
    yield* reported(this, this.#steps());
  }

  async *#steps(): AsyncGenerator<StepRecord, void, void> {
    for (const note of this.#notes) this.emit('warning', note);
    this.#stopIfAborted('before step 1');
    if (this.config.isolate) {
      const { isolatedSteps } = await import('./isolate.ts');
      this.#result = yield* isolatedSteps(this.config, this, this.#signal);
      return;
    }
    const run = await openRun(this.config, this.#patience);
    try {
      yield* this.#loop(run);
    } finally {
      await run.close();
    }
  }

  async *#loop(run: Run): AsyncGenerator<StepRecord, void, void> {
    const { config } = this;
    const total = await this.#countSteps(run);
    const guards = new Guards(config);
    const session = new Session(run.engine, config, total, run.capacity, guards.states);
    if (run.resumed) session.restore(carriedState(run.resumed.state, config));
    run.checkpoints.onPublished = ({ dir }) => this.emit('checkpoint', dir);
    // Where steps decide, rows are read as training comes to them, and accounted for at its end.
    if (config.maxSteps < 0) {
      this.#account(await accountOfAll(run, this.#signal));
    }
    this.#announce(run, session);
    if (session.evaluationDue) await this.#afterStep(run, session, NOTHING_DUE);
    yield* this.#train(run, session, guards);
    if (this.#signal?.aborted) {
      if (session.done === 0) throw stoppedBefore();
      if (session.done > (run.resumed?.found.step ?? 0)) await this.#save(run, session);
    }
    await run.checkpoints.settle();
    const { step: best } = session.best;
    if (session.done >= total && config.loadBestModelAtEnd && best !== null) {
      this.emit('warning', await run.checkpoints.takeBest(best));
    }
    await saveResult(
      run.engine,
      run.model,
      run.adapter,
      config.outputDir,
      run.template,
      this.#patience,
    );
    this.emit('save', config.outputDir);
    const accounting = this.#account(
      await accountAtEnd(run, session.epoch, this.config, this.#signal),
    );
    if (session.done < total) {
      this.#stopIfAborted(
        `after step ${session.done}; the result so far is in ${config.outputDir}`,
      );
    }
    this.#finish(session, accounting);
  }

  /** Steps until the last one, an abort, or a rewind, which goes on from an earlier one. */
  async *#train(
    run: Run,
    session: Session,
    guards: Guards,
  ): AsyncGenerator<StepRecord, void, void> {
    const { config } = this;
    const { total } = session;
    let skip = stepsLeftOut(run.resumed, config, total, this.#patience.tell);
    again: while (session.done < total && !this.#signal?.aborted) {
      for await (const group of session.groups(run.dataset, skip, this.#signal)) {
        const record = await session.step(group);
        this.emit('step', record);
        for (const alarm of guards.judge(record, session.stepper)) {
          await this.#heed(run, session, alarm);
        }
        if (this.#rewind) {
          const { row, ...rewind } = this.#rewind;
          this.#rewind = null;
          skip = await this.#rewinder.goBack(run, session, config, rewind, this.#patience.tell);
          if (row) await this.#noteGuard(run, { ...row, step: session.done, epoch: session.epoch });
          yield record;
          continue again;
        }
        await this.#afterStep(
          run,
          session,
          dueAfter(config, record.step, total, group.endsEpoch),
          record,
        );
        session.stepper.restartClock();
        yield record;
        if (record.step === total || this.#signal?.aborted) return;
      }
    }
  }

  /**
   * Asks for an earlier state: after the current step the run goes on from the newest checkpoint at
   * or before `step`, leaving out the rows of the next `skipBatches` steps.
   */
  rewind(step: number, skipBatches = 0): void {
    this.#rewind = { step, skipBatches };
  }

  /**
   * Tells what a guard has noticed, and sees to it. Throws `non_finite` where the run ends, of which a
   * checkpoint is made first if its weights are sound.
   */
  async #heed(run: Run, session: Session, alarm: Alarm): Promise<void> {
    const { row } = alarm;
    if (row.guard_action === 'rewind') {
      const anchor = await this.#rewinder.anchor(run);
      if (typeof anchor === 'number') this.#rewind = { step: anchor, skipBatches: null, row };
      else {
        row.guard_action = 'stop';
        alarm.message += `; ${anchor}`;
      }
    }
    this.emit('warning', alarm.message);
    if (row.guard_action !== 'rewind') await this.#noteGuard(run, row);
    if (row.guard_action !== 'stop') return;
    if (row.guard === 'non_finite') await this.#save(run, session);
    throw stopError(alarm);
  }

  async #noteGuard(run: Run, row: GuardRow): Promise<void> {
    await run.metrics.write(row);
    this.emit('guard', row);
  }

  /** Logs, evaluates and saves, whatever of it is due. */
  async #afterStep(run: Run, session: Session, due: Due, record?: StepRecord): Promise<void> {
    if (due.logs && record) {
      const row = session.window.row(record);
      await run.metrics.write(row);
      this.emit('log', row);
    }
    session.evaluationDue ||= due.evaluates;
    const isBest = session.evaluationDue && (await this.#evaluate(run, session));
    const { saveStrategy } = this.config;
    if (due.saves || (isBest && saveStrategy === 'best')) await this.#save(run, session);
  }

  /** A checkpoint, unless none are wanted at all. */
  async #save(run: Run, session: Session): Promise<void> {
    if (this.config.saveStrategy === 'no') return;
    await run.checkpoints.save(session.capture(), session.best.step);
  }

  /** `max_steps`, or the updates of the epochs asked for, which takes knowing every row. */
  async #countSteps(run: Run): Promise<number> {
    const { config } = this;
    if (config.maxSteps > 0) return config.maxSteps;
    const tick = setInterval(() => this.emit('reading', run.dataset.progress), 1000);
    const counting = orAborted(run.dataset.totalRows(), this.#signal);
    const rows = await counting.finally(() => clearInterval(tick));
    const batch = config.perDeviceTrainBatchSize;
    return totalSteps(rows, batch, config.gradientAccumulationSteps, config.numTrainEpochs);
  }

  /**
   * Reports what became of the rows, once: of every row before step 1 where epochs decide, else at the
   * end of those that were read by then.
   */
  #account(found: Accounting): Accounting {
    if (this.#accounting) return this.#accounting;
    this.#accounting = found;
    this.emit('accounting', found);
    return found;
  }

  #announce(run: Run, { total, done, stepper }: Session): void {
    const { model, device, dtype, resumed } = run;
    const { config } = model.checkpoint;
    for (const note of model.descriptor.notes(config)) this.emit('warning', note);
    if (resumed) {
      const what = done >= total ? `all ${total} steps are done` : `step ${done + 1} of ${total}`;
      this.emit('warning', `resumed from ${resumed.found.dir}: ${what}`);
    }
    stepper.restartClock();
    this.emit('plan', {
      model: model.dir,
      family: model.descriptor.family,
      method: this.config.method,
      device: device.id,
      dtype,
      memory: runMemory(run, this.config.saveStrategy !== 'no'),
      totalSteps: total,
      doneSteps: done,
    });
  }

  /** Whether it was the best so far; false where it was interrupted. */
  async #evaluate(run: Run, session: Session): Promise<boolean> {
    const row = await evaluationRow(run, session, this.#signal);
    // The loop ends the run, and writes the result.
    if (row === null) return false;
    if (session.evalLoss === null) this.#noteEvaluationRows(run.evaluation!.accountingSoFar());
    const isBest = session.observe(row);
    await run.metrics.write(row);
    this.emit('evaluate', row);
    return isBest;
  }

  /** Rows of eval_file that are not evaluated whole. */
  #noteEvaluationRows(accounting: Accounting): void {
    if (accounting.leftOut.length === 0 && accounting.truncated === 0) return;
    const [first = '', ...reasons] = accountingLines(accounting, 'evaluated').slice(0, -1);
    this.emit('warning', [`eval_file: ${first}`, ...reasons].join('\n'));
  }

  #finish({ stepper, evalLoss }: Session, accounting: Accounting): void {
    const { done: steps, sums, tokens, seconds, skipped } = stepper;
    this.#result = {
      steps,
      loss: sums.loss / sums.tokens,
      tokens,
      trainedTokens: sums.tokens,
      seconds,
      tokensPerSecond: tokens / seconds,
      skipped,
      evalLoss,
      outputDir: this.config.outputDir,
      accounting,
    };
    this.emit('end', this.#result);
  }

  #stopIfAborted(when: string): void {
    if (this.#signal?.aborted) throw new AttuneError('aborted', `training was stopped ${when}`);
  }
}
