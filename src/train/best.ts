import type { TrainConfig } from '../config.ts';
import type { EvaluationRow } from './metrics.ts';

/** The best evaluation of a run so far, by `metric_for_best_model`. */
export class Best {
  metric: number | null = null;
  step: number | null = null;
  readonly #name: keyof EvaluationRow;
  readonly #greater: boolean;

  constructor(config: Pick<TrainConfig, 'metricForBestModel' | 'greaterIsBetter'>) {
    const name = config.metricForBestModel ?? 'eval_loss';
    this.#name = (name.startsWith('eval_') ? name : `eval_${name}`) as keyof EvaluationRow;
    // As transformers decides it.
    this.#greater = config.greaterIsBetter ?? !name.endsWith('loss');
  }

  /** Whether this evaluation is the best one; the first one is. */
  observe(row: EvaluationRow): boolean {
    const value = row[this.#name];
    if (Number.isNaN(value)) return false;
    const better =
      this.metric === null || (this.#greater ? value > this.metric : value < this.metric);
    if (better) {
      this.metric = value;
      this.step = row.step;
    }
    return better;
  }
}
