import { key } from './key.ts';
import { choice, integer, orNull, steps, text, truth } from './kinds.ts';

/** Keys about checkpoints and resuming. */
export const saving = {
  saveStrategy: key(
    'reporting',
    choice('no', 'steps', 'epoch', 'best'),
    'steps',
    'When to write checkpoints (best: when an evaluation is the best so far); the result is always written',
  ),
  saveSteps: key('reporting', steps, 500, 'Steps between checkpoints; below 1: share of the run'),
  saveTotalLimit: key(
    'reporting',
    orNull(integer(1)),
    null,
    'Checkpoints to keep, the best one apart; null: all',
  ),
  loadBestModelAtEnd: key(
    'reporting',
    truth,
    false,
    'The result is the checkpoint of the best evaluation',
  ),
  metricForBestModel: key(
    'reporting',
    orNull(
      choice(
        'eval_loss',
        'loss',
        'eval_mean_token_accuracy',
        'mean_token_accuracy',
        'eval_entropy',
        'entropy',
      ),
    ),
    null,
    'What makes an evaluation the best; null: eval_loss',
  ),
  greaterIsBetter: key(
    'reporting',
    orNull(truth),
    null,
    'Whether more of it is better; null: unless it is a loss',
  ),
  resumeFromCheckpoint: key('reporting', orNull(text), null, 'auto, or a checkpoint directory'),
  rewind: key(
    'reporting',
    orNull(integer(0)),
    null,
    'Go on from the newest checkpoint at or before this step; later ones are set aside',
  ),
  skipBatches: key(
    'reporting',
    integer(0),
    0,
    'Steps’ worth of rows to leave out where a run is resumed or rewound',
  ),
} as const;
