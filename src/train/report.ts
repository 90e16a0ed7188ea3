import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { writeParts } from '../checkpoint/files.ts';
import { changedSettings } from '../config/changed.ts';
import { AttuneError } from '../errors.ts';
import { runPage } from '../page/html.ts';
import type { PageMemory, RunPage } from '../page/run.ts';
import { version } from '../version.ts';
import type { RunPlan, StepRecord } from './events.ts';
import { memoryClasses } from './format.ts';
import { readMetrics } from './reportmetrics.ts';
import { type RunFile, readRunFile, writeRunFile } from './runfile.ts';
import type { SFTTrainer } from './trainer.ts';

/** Warnings that are kept; a broken run may have very many. */
const mostKept = 1000;

/**
 * The steps of a trainer as they are. Meanwhile run.json tells what runs, and report.html is written
 * when they end, fail, are interrupted or left. Where no step came near there is nothing to report.
 */
export async function* reported(
  trainer: SFTTrainer,
  steps: AsyncGenerator<StepRecord, void, void>,
): AsyncGenerator<StepRecord, void, void> {
  const record = new RunRecord(trainer);
  record.outcome('interrupted', 'its steps were left');
  try {
    yield* steps;
    record.outcome('finished', null);
  } catch (error) {
    const isAborted = error instanceof AttuneError && error.code === 'aborted';
    record.outcome(isAborted ? 'interrupted' : 'failed', (error as Error).message);
    throw error;
  } finally {
    await record.end();
  }
}

/** Writes report.html of a directory, from its run.json and metrics.jsonl. Returns its path. Throws `config`. */
export async function writeReport(dir: string): Promise<string> {
  const run = await readRunFile(dir);
  const metrics = await readFile(join(dir, 'metrics.jsonl'), 'utf8').catch(() => '');
  const path = join(dir, 'report.html');
  await writeParts(path, runPage(reportPage(dir, run, metrics)));
  return path;
}

/** Listens to a trainer and keeps run.json. */
class RunRecord {
  private run: RunFile | null = null;
  private readonly early: Pick<RunFile, 'warnings' | 'restarts'> = {
    warnings: [],
    restarts: [],
  };
  private readonly started = new Date().toISOString();
  private accounting: RunFile['accounting'] = null;
  private ending: Pick<RunFile, 'outcome' | 'failure'> = { outcome: 'running', failure: null };
  private written: Promise<void> = Promise.resolve();

  constructor(private readonly trainer: SFTTrainer) {
    const { warnings, restarts } = this.early;
    trainer.on('warning', (message) => keep(warnings, message));
    trainer.on('restart', (event) => keep(restarts, event));
    trainer.on('accounting', (accounting) => {
      this.accounting = accounting;
    });
    trainer.on('plan', (plan) => this.begin(plan));
  }

  outcome(outcome: RunFile['outcome'], failure: string | null): void {
    this.ending = { outcome, failure };
  }

  /** A report that cannot be written is no failure of the run. */
  async end(): Promise<void> {
    if (this.run === null) return;
    const { outputDir } = this.trainer.config;
    try {
      await this.written;
      const { accounting } = this;
      Object.assign(this.run, this.ending, { accounting, ended: new Date().toISOString() });
      await writeRunFile(outputDir, this.run);
      await writeReport(outputDir);
    } catch (error) {
      this.trainer.emit('warning', `no report: ${(error as Error).message}`);
    }
  }

  private begin(plan: RunPlan): void {
    this.run = {
      version,
      started: this.started,
      ended: null,
      outcome: 'running',
      failure: null,
      plan,
      settings: changedSettings(this.trainer.config),
      accounting: this.accounting,
      ...this.early,
    };
    this.written = writeRunFile(this.trainer.config.outputDir, this.run);
    // `end` tells of it.
    this.written.catch(() => {});
  }
}

function keep<T>(list: T[], item: T): void {
  if (list.length < mostKept) list.push(item);
}

function reportPage(dir: string, run: RunFile, text: string): RunPage {
  const { plan, accounting } = run;
  const { lastStep, lastEpoch, ...metrics } = readMetrics(text);
  const restarts = run.restarts.map(({ step, reason, attempt }) => ({
    step,
    text: `the training process was lost (${reason}); attempt ${attempt} goes on`,
  }));
  const { sources = [], ...account } = accounting ?? {};
  return {
    title: `Run: ${basename(resolve(dir))}`,
    version: run.version,
    started: run.started,
    ended: run.ended,
    outcome: run.outcome,
    failure: run.failure,
    model: plan.model,
    family: plan.family,
    method: plan.method,
    device: plan.device,
    dtype: plan.dtype,
    parameters: plan.memory.parameters,
    trainableParameters: plan.memory.trainableParameters,
    memory: memoryOf(plan),
    steps: lastStep,
    totalSteps: plan.totalSteps,
    epochs: lastEpoch,
    settings: run.settings,
    account: accounting === null ? null : (account as RunPage['account']),
    sources,
    ...metrics,
    events: [...restarts, ...metrics.events],
    notes: run.warnings,
  };
}

function memoryOf({ memory }: RunPlan): PageMemory {
  const classes = memoryClasses
    .map((name) => ({ name, bytes: memory[name] }))
    .filter(({ bytes }) => bytes > 0);
  return { classes, total: memory.total, recomputedLayers: memory.recomputedLayers };
}
