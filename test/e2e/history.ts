/** Runs whose checkpoints are kept with each version, to be gone on from by every later one. */
import { join } from 'node:path';
import { writeRows, writeTinyModel } from '../../prove/lib/tiny.ts';
import type { TrainOptions } from '../../src/index.ts';

export const HISTORY = join(import.meta.dirname, '../golden/history');
/** Steps of a run, and the one whose checkpoint is kept. */
export const STEPS = 8;
export const KEPT = 4;

/** The runs by name; `dir` is for what they read. */
export function historicRuns(dir: string): Record<string, TrainOptions> {
  const options: TrainOptions = {
    model: writeTinyModel(join(dir, 'f32'), 'F32'),
    trainFile: writeRows(join(dir, 'rows.jsonl'), 10),
    evalFile: writeRows(join(dir, 'eval.jsonl'), 4),
    dtype: 'float32',
    device: 'cpu',
    maxLength: 64,
    perDeviceTrainBatchSize: 2,
    learningRate: 1e-2,
    maxSteps: STEPS,
    loggingSteps: 1,
    saveSteps: KEPT,
    evalStrategy: 'steps',
    evalSteps: 3,
    datasetNumProc: 1,
  };
  return {
    lora: { ...options, loraR: 2, loraDropout: 0.1, packing: 'bfd', gradientAccumulationSteps: 2 },
    full: {
      ...options,
      model: writeTinyModel(join(dir, 'bf16'), 'BF16'),
      method: 'full',
      lrSchedulerType: 'reduce_lr_on_plateau',
    },
  };
}
