import { key } from './key.ts';
import { choice, integer, number, truth } from './kinds.ts';

/** Keys about what a run does when something goes wrong. */
export const guarding = {
  nonFinite: key(
    'training',
    choice('skip', 'rewind', 'stop'),
    'skip',
    'What is done about a gradient that is not finite, which is never applied: go on, go back to the last checkpoint and on behind these rows, or end',
  ),
  nonFiniteLimit: key(
    'training',
    integer(1),
    3,
    'Such steps in a row at which a run that skips them ends',
  ),
  lossSpike: key(
    'training',
    choice('off', 'warn', 'rewind', 'stop'),
    'warn',
    'What is done when the loss stays far above the mean before',
  ),
  lossSpikeFactor: key(
    'training',
    number('a number above 1', (n) => n > 1),
    2,
    'How many times the mean is far above it',
  ),
  lossSpikePatience: key('training', integer(1), 4, 'Steps in a row that are far above the mean'),
  lossSpikeWindow: key('training', integer(2), 100, 'Steps that the mean is of'),
  isolate: key(
    'training',
    truth,
    false,
    'Train in a process of its own, and in another one if that is lost',
  ),
  isolateTimeout: key(
    'training',
    number('a number above 0', (n) => n > 0),
    30,
    'Seconds without a sign of life after which that process is replaced',
  ),
} as const;
