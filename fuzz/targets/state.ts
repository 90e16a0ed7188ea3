import { AttuneError } from '../../src/errors.ts';
import { parseState, stateText } from '../../src/train/state.ts';
import { state, streamed } from '../../test/src/train/state.ts';
import { rule, type Target } from '../target.ts';

/** trainer_state.json: what is accepted is written again as it was read. */
export const target: Target = {
  name: 'state',
  seeds: [state, { ...state, plateau: null, best_metric: 1 }, streamed].map(stateText),
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
