import type { TrainConfig } from '../config.ts';

/** Whether something that is due every `every` steps is due; below 1 it is a share of the run. */
export function isDue(step: number, every: number, total: number): boolean {
  const period = every < 1 ? Math.max(1, Math.ceil(every * total)) : every;
  return step % period === 0;
}

/**
 * Updates of a run. `rows` are documents, or packed rows, in one epoch; an epoch's last, partial
 * accumulation is an update too.
 */
export function totalSteps(
  rows: number,
  batchSize: number,
  accumulation: number,
  epochs: number,
): number {
  return Math.ceil(epochs * Math.ceil(batchesPerEpoch(rows, batchSize) / accumulation));
}

export function batchesPerEpoch(rows: number, batchSize: number): number {
  return Math.ceil(rows / batchSize);
}

/** What is done after a step. */
export interface Due {
  logs: boolean;
  evaluates: boolean;
  /** With strategy best that is known only after the evaluation. */
  saves: boolean;
}

type CadenceConfig = Pick<
  TrainConfig,
  'loggingSteps' | 'evalStrategy' | 'evalSteps' | 'saveStrategy' | 'saveSteps'
>;

/** After the last step all of it, as transformers does. */
export function dueAfter(
  config: CadenceConfig,
  step: number,
  total: number,
  endsEpoch: boolean,
): Due {
  const last = step === total;
  const on = (strategy: TrainConfig['saveStrategy'], steps: number) => {
    if (strategy === 'no' || strategy === 'best') return false;
    return last || (strategy === 'epoch' ? endsEpoch : isDue(step, steps, total));
  };
  return {
    logs: last || isDue(step, config.loggingSteps, total),
    evaluates: on(config.evalStrategy, config.evalSteps),
    saves: on(config.saveStrategy, config.saveSteps),
  };
}
