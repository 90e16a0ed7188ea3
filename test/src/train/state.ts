/** The state of a run in its first epoch, with every kind of number. */
import type { Identity, RunState } from '../../../src/train/state.ts';

const sums = { loss: 0.1 + 0.2, nll: Number.NaN, entropy: 1e-300, correct: 3, tokens: 9 };
export const identity: Identity = {
  attune_version: '0.1.0',
  device: 'cpu',
  dtype: 'float32',
  config: {
    seed: 1,
    learning_rate: 0.1,
    per_device_train_batch_size: 4,
    gradient_accumulation_steps: 2,
  },
  fingerprints: { model: 'a', 'train_file[0]': 'b', 'eval_file[0]': 'c' },
};
export const state: RunState = {
  format: 1,
  run: 'r',
  global_step: 5,
  max_steps: 10,
  epoch: 1 / 3,
  num_input_tokens_seen: 2 ** 40,
  best_metric: null,
  best_global_step: null,
  eval_loss: Number.POSITIVE_INFINITY,
  evaluation_due: false,
  cursor: { epoch: 0, row: 20 },
  account: null,
  totals: { ...sums, seconds: 1.5, skipped: 0, skipped_in_a_row: 0 },
  window: { ...sums, input_tokens: 4, steps: 1, seconds: 0.5 },
  plateau: { learning_rate: 1e-5, best: Number.POSITIVE_INFINITY, bad: 1, resting: 0 },
  guards: { spikes: [1, 2] },
  engine: { updates: 5, microBatches: 10 },
  ...identity,
};

/** The same in a later epoch of a stream, whose rows are not gone through from the first again. */
export const streamed: RunState = {
  ...state,
  cursor: { epoch: 1, row: 4 },
  account: {
    sources: [{ file: 'rows.jsonl', rows: 9, weight: 1, used: 9 }],
    available: 9,
    read: 9,
    trained: 6,
    leftOut: [{ reason: 'nothing to train', count: 1, examples: ['rows.jsonl:3'] }],
    quarantined: { count: 2, examples: ['rows.jsonl:5: "text" must be a string'] },
    truncated: 1,
    tokens: 90,
    trainedTokens: 60,
    rows: 6,
    fill: 1,
  },
};
