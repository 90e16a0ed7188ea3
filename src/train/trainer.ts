import { EventEmitter } from 'node:events';
import { type Resolved, resolveOptions, type TrainConfig, type TrainOptions } from '../config.ts';
import type { Accounting } from '../data/options.ts';
import { AttuneError } from '../errors.ts';
import { isDue, totalSteps } from './cadence.ts';
import { evaluateDataset, means } from './evaluate.ts';
import type { StepRecord, TrainEvents, TrainResult } from './events.ts';
import { accountingLines } from './format.ts';
import { ahead, type Group, stepGroups } from './groups.ts';
import { saveResult } from './result.ts';
import { openRun, type Run } from './run.ts';
import { makeSchedule, type Schedule } from './schedule.ts';
import { Stepper } from './stepper.ts';
import { Window } from './window.ts';

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
  #used = false;
  #result: TrainResult | null = null;
  #evalLoss: number | null = null;
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
    for (const note of this.#notes) this.emit('warning', note);
    this.#stopIfAborted('before step 1');
    if (this.config.isolate) {
      this.#result = yield* await this.#isolated();
      return;
    }
    const run = await openRun(this.config);
    try {
      yield* this.#loop(run);
    } finally {
      await run.close();
    }
  }

  async #isolated(): Promise<AsyncGenerator<StepRecord, TrainResult, void>> {
    const { isolatedSteps } = await import('./isolate.ts');
    const resolved = { config: this.config, notes: [] };
    return isolatedSteps(
      resolved,
      (name, ...args) => this.emit(name, ...(args as never)),
      this.#signal,
    );
  }

  async *#loop(run: Run): AsyncGenerator<StepRecord, void, void> {
    const { config } = this;
    const total = await this.#countSteps(run);
    const schedule = makeSchedule(config, total);
    const stepper = new Stepper(run.engine, config, schedule, total, run.capacity);
    const account = run.dataset.accounting().then((found) => this.#account(found));
    let failure: unknown = null;
    account.catch((error: unknown) => {
      failure = error;
    });
    if (config.maxSteps < 0) await account;
    this.#announce(run, total);
    const window = new Window();
    for await (const group of ahead(stepGroups(run.dataset, config.gradientAccumulationSteps))) {
      const record = await stepper.step(group);
      window.add(record);
      this.emit('step', record);
      const last = record.step === total;
      if (last || isDue(record.step, config.loggingSteps, total)) {
        const row = window.row(record);
        run.metrics.write(row);
        this.emit('log', row);
      }
      if (this.#evaluates(record, group)) await this.#evaluate(run, record, schedule);
      stepper.restartClock();
      yield record;
      if (last || this.#signal?.aborted) break;
    }
    await saveResult(run.engine, run.model, run.adapter, config.outputDir, run.template);
    this.emit('save', config.outputDir);
    const accounting = this.#account(run.dataset.accountingSoFar());
    if (stepper.done < total) {
      this.#stopIfAborted(
        `after step ${stepper.done}; the result so far is in ${config.outputDir}`,
      );
    }
    // A bad row that no batch came to.
    if (failure) throw failure;
    this.#finish(stepper, accounting);
  }

  /** `max_steps`, or the updates of the epochs asked for, which takes knowing every row. */
  async #countSteps(run: Run): Promise<number> {
    const { config } = this;
    if (config.maxSteps > 0) return config.maxSteps;
    const tick = setInterval(() => this.emit('reading', run.dataset.progress), 1000);
    const rows = await this.#orAborted(run.dataset.totalRows()).finally(() => clearInterval(tick));
    const batch = config.perDeviceTrainBatchSize;
    return totalSteps(rows, batch, config.gradientAccumulationSteps, config.numTrainEpochs);
  }

  /**
   * Reports what became of the rows, once: of every row as soon as that is known, which training
   * does not wait for, or at the end of those that were read by then.
   */
  #account(found: Accounting): Accounting {
    if (this.#accounting) return this.#accounting;
    this.#accounting = found;
    this.emit('accounting', found);
    return found;
  }

  #announce(run: Run, totalSteps: number): void {
    const { model, device, dtype, engine } = run;
    const { config } = model.checkpoint;
    for (const note of model.descriptor.notes(config)) this.emit('warning', note);
    this.emit('plan', {
      model: model.dir,
      family: model.descriptor.family,
      method: this.config.method,
      device: device.id,
      dtype,
      memory: engine.plan(),
      totalSteps,
    });
  }

  /** After the last step always, as transformers does. */
  #evaluates({ step, totalSteps }: StepRecord, group: Group): boolean {
    const { evalStrategy, evalSteps } = this.config;
    if (evalStrategy === 'no') return false;
    if (step === totalSteps) return true;
    return evalStrategy === 'epoch' ? group.endsEpoch : isDue(step, evalSteps, totalSteps);
  }

  async #evaluate(run: Run, { step, epoch }: StepRecord, schedule: Schedule): Promise<void> {
    const start = performance.now();
    const { engine, evaluation, capacity } = run;
    let found: ReturnType<typeof means>;
    try {
      found = means(await evaluateDataset(engine, evaluation!, capacity, this.#signal));
    } catch (error) {
      // The loop ends the run, and writes the result.
      if (this.#signal?.aborted) return;
      throw error;
    }
    const row = {
      step,
      epoch,
      eval_loss: found.nll,
      eval_mean_token_accuracy: found.meanTokenAccuracy,
      eval_entropy: found.entropy,
      eval_tokens: found.tokens,
      eval_runtime: (performance.now() - start) / 1000,
    };
    if (this.#evalLoss === null) this.#noteEvaluationRows(evaluation!.accountingSoFar());
    schedule.observe(row.eval_loss);
    this.#evalLoss = row.eval_loss;
    run.metrics.write(row);
    this.emit('evaluate', row);
  }

  /** Rows of eval_file that are not evaluated whole. */
  #noteEvaluationRows(accounting: Accounting): void {
    if (accounting.leftOut.length === 0 && accounting.truncated === 0) return;
    const [first = '', ...reasons] = accountingLines(accounting, 'evaluated').slice(0, -1);
    this.emit('warning', [`eval_file: ${first}`, ...reasons].join('\n'));
  }

  #finish(stepper: Stepper, accounting: Accounting): void {
    const { done: steps, sums, tokens, seconds, skipped } = stepper;
    this.#result = {
      steps,
      loss: sums.loss / sums.tokens,
      tokens,
      trainedTokens: sums.tokens,
      seconds,
      tokensPerSecond: tokens / seconds,
      skipped,
      evalLoss: this.#evalLoss,
      outputDir: this.config.outputDir,
      accounting,
    };
    this.emit('end', this.#result);
  }

  #stopIfAborted(when: string): void {
    if (this.#signal?.aborted) throw new AttuneError('aborted', `training was stopped ${when}`);
  }

  /** A promise that an abort overtakes. */
  async #orAborted<T>(promise: Promise<T>): Promise<T> {
    const signal = this.#signal;
    if (!signal) return promise;
    promise.catch(() => {});
    return new Promise<T>((resolve, reject) => {
      const stop = () => reject(new AttuneError('aborted', 'training was stopped before step 1'));
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop, { once: true });
      promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
    });
  }
}
