import type { PageAccount, PageSetting } from './model.ts';

/** How a run ended; `running`: nobody wrote that it did, so it runs or was killed. */
export type Outcome = 'running' | 'finished' | 'interrupted' | 'failed';

/** Bytes by class, as the engine planned them. */
export interface PageMemory {
  classes: { name: string; bytes: number }[];
  total: number;
  recomputedLayers: number;
}

/** Curves of a run: one value a point, null where there is none. */
export interface Curves {
  step: number[];
  loss: (number | null)[];
  learningRate: (number | null)[];
  gradNorm: (number | null)[];
  tokensPerSecond: (number | null)[];
  accuracy: (number | null)[];
  entropy: (number | null)[];
}

export interface EvaluationPoint {
  step: number;
  epoch: number;
  loss: number | null;
  accuracy: number | null;
  tokens: number;
  seconds: number;
}

/** Something that happened at a step: a guard, a value that is not finite, a restart. */
export interface RunEvent {
  step: number | null;
  text: string;
}

/** A run at a glance. */
export interface RunPage {
  title: string;
  version: string;
  /** ISO 8601; `ended` is null for one that did not write its end. */
  started: string;
  ended: string | null;
  outcome: Outcome;
  /** Why it failed, or where it was interrupted. */
  failure: string | null;
  model: string;
  family: string;
  method: string;
  device: string;
  dtype: string;
  parameters: number;
  trainableParameters: number;
  memory: PageMemory;
  steps: number;
  totalSteps: number;
  epochs: number;
  /** Tokens read, and seconds of the steps, as metrics.jsonl has them. */
  tokens: number;
  seconds: number;
  settings: PageSetting[];
  account: PageAccount | null;
  sources: { file: string; rows: number; weight: number; used: number }[];
  curves: Curves;
  /** Rows of metrics.jsonl that a point of the curves stands for. */
  rowsPerPoint: number;
  evaluations: EvaluationPoint[];
  events: RunEvent[];
  notes: string[];
}
