import type { PlateauState, Stateful } from './state.ts';

/** Settings of ReduceLROnPlateau, by PyTorch's names and with its defaults. */
export interface PlateauSettings {
  mode: 'min' | 'max';
  factor: number;
  patience: number;
  threshold: number;
  thresholdMode: 'rel' | 'abs';
  cooldown: number;
  minLr: number;
  eps: number;
}

export const plateauDefaults: PlateauSettings = {
  mode: 'min',
  factor: 0.1,
  patience: 10,
  threshold: 1e-4,
  thresholdMode: 'rel',
  cooldown: 0,
  minLr: 0,
  eps: 1e-8,
};

/** A learning rate that falls by `factor` when the evaluation loss has stopped improving. */
export class Plateau implements Stateful<PlateauState> {
  #best: number;
  #bad = 0;
  #resting = 0;
  readonly #settings: PlateauSettings;

  constructor(
    public learningRate: number,
    settings: PlateauSettings,
  ) {
    this.#settings = settings;
    this.#best = settings.mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }

  observe(metric: number): void {
    const { patience, cooldown, factor, minLr, eps } = this.#settings;
    if (this.#better(metric)) {
      this.#best = metric;
      this.#bad = 0;
    } else this.#bad++;
    if (this.#resting > 0) {
      this.#resting--;
      this.#bad = 0;
    }
    if (this.#bad <= patience) return;
    const next = Math.max(this.learningRate * factor, minLr);
    if (this.learningRate - next > eps) this.learningRate = next;
    this.#resting = cooldown;
    this.#bad = 0;
  }

  capture(): PlateauState {
    const { learningRate: learning_rate } = this;
    return { learning_rate, best: this.#best, bad: this.#bad, resting: this.#resting };
  }

  restore({ learning_rate, best, bad, resting }: PlateauState): void {
    this.learningRate = learning_rate;
    this.#best = best;
    this.#bad = bad;
    this.#resting = resting;
  }

  #better(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.#settings;
    const sign = mode === 'min' ? -1 : 1;
    const margin =
      thresholdMode === 'rel' ? this.#best * (1 + sign * threshold) : this.#best + sign * threshold;
    return mode === 'min' ? metric < margin : metric > margin;
  }
}
