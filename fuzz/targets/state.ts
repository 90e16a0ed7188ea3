import { AttuneError } from '../../src/errors.ts';
import { parseState, type RunState, stateText } from '../../src/train/state.ts';
import { rule, type Target } from '../target.ts';

const sums = { loss: 1.5, nll: Number.NaN, entropy: 0.5, correct: 3, tokens: 9 };
const state: RunState = {
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
  totals: { ...sums, seconds: 1.5, skipped: 0, skipped_in_a_row: 0 },
  window: { ...sums, input_tokens: 4, steps: 1, seconds: 0.5 },
  plateau: { learning_rate: 1e-5, best: Number.POSITIVE_INFINITY, bad: 1, resting: 0 },
  guards: { spikes: [1, 2] },
  engine: { updates: 5, microBatches: 10 },
  attune_version: '0.1.0',
  device: 'cpu',
  dtype: 'float32',
  config: { seed: 1, learning_rate: 0.1 },
  fingerprints: { model: 'a', 'train_file[0]': 'b' },
};

/** trainer_state.json: what is accepted is written again as it was read. */
export const target: Target = {
  name: 'state',
  seeds: [stateText(state), stateText({ ...state, plateau: null, best_metric: 1 })],
  words: ['NaN', 'Infinity', 'cursor', 'epoch', 'row', 'engine', 'format', 'guards', '__proto__'],
  json: true,
  run(input) {
    const found = parseState('fuzz', Buffer.from(input).toString());
    const { cursor, engine } = found;
    for (const count of [found.global_step, cursor.epoch, cursor.row, engine.updates]) {
      rule(Number.isSafeInteger(count) && count >= 0, `a count of ${count}`);
    }
    const text = stateText(found);
    rule(stateText(parseState('fuzz', text)) === text, 'another state when it is read again');
    return found.plateau === null ? 'a state' : 'a state with a plateau';
  },
  refuses: (error) => error instanceof AttuneError && error.code === 'checkpoint',
};
