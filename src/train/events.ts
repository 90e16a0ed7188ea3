import type { Accounting } from '../data/options.ts';
import type { BatchSums, DeviceId } from '../native/addon.d.ts';
import type { RunMemory } from './memory.ts';
import type { EvaluationRow, GuardRow, LogRow } from './metrics.ts';
import type { DType } from './model.ts';

/** One optimizer step. */
export interface StepRecord {
  /** From 1. */
  step: number;
  totalSteps: number;
  /** Epochs done, fractional: by the share of records used up. */
  epoch: number;
  /** Mean over the step's trained tokens. */
  loss: number;
  /** Global norm of the gradient before clipping. */
  gradNorm: number;
  learningRate: number;
  /** Tokens read, trained or not. */
  tokens: number;
  /** Wall time since the step before ended. */
  seconds: number;
  /** False where the gradient was not finite and the weights were left as they were. */
  applied: boolean;
  sums: BatchSums;
}

/** What is about to run, printed before step 1. */
export interface RunPlan {
  model: string;
  family: string;
  method: 'lora' | 'full';
  device: DeviceId;
  dtype: DType;
  memory: RunMemory;
  totalSteps: number;
  /** Steps that were done before, by the run that is resumed. */
  doneSteps: number;
}

export interface TrainResult {
  steps: number;
  /** Mean loss over every trained token of the run. */
  loss: number;
  /** Tokens read, and those of them that were trained. */
  tokens: number;
  trainedTokens: number;
  /** Wall time of the steps, and tokens read per second of it. */
  seconds: number;
  tokensPerSecond: number;
  /** Steps left out because their gradient was not finite. */
  skipped: number;
  /** Of the last evaluation, where there was one. */
  evalLoss: number | null;
  outputDir: string;
  accounting: Accounting;
}

/** Events of SFTTrainer, with their arguments. */
export interface TrainEvents {
  warning: [message: string];
  /** Rows read so far, every second of the wait for all of them that comes before step 1. */
  reading: [rows: { read: number; available: number }];
  accounting: [accounting: Accounting];
  plan: [plan: RunPlan];
  step: [record: StepRecord];
  log: [row: LogRow];
  evaluate: [row: EvaluationRow];
  /** A guard has noticed something, and what is done about it. */
  guard: [row: GuardRow];
  /** A checkpoint is on the disk. */
  checkpoint: [dir: string];
  /** The result is. */
  save: [dir: string];
  /** With `isolate`: the training process was lost, and another goes on from the last checkpoint. */
  restart: [event: { reason: string; step: number; attempt: number }];
  end: [result: TrainResult];
}
