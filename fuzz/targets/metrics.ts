import { readMetrics } from '../../src/train/reportmetrics.ts';
import { rule, type Target } from '../target.ts';

/** metrics.jsonl as a report reads it: whatever it holds, there is something to show. */
export const target: Target = {
  name: 'metrics',
  seeds: [
    '{"step":1,"epoch":0.1,"loss":1.5,"grad_norm":2,"learning_rate":0.1,"num_tokens":8,"step_seconds":0.5}\n{"step":2,"loss":"NaN","grad_norm":"Infinity"}\n',
    '{"step":2,"epoch":1,"eval_loss":2,"eval_runtime":1}\n{"step":3,"guard":"spike","guard_action":"skip","guard_loss":9}\n{"st',
  ],
  words: [
    'step', 'loss', 'eval_loss', 'guard', 'guard_step', 'grad_norm', '"NaN"', 'null', '1e999', '{', '}',
    '\n', ':', ',', '-1', '[]',
  ], // biome-ignore format: a table
  json: false,
  run(input) {
    const text = Buffer.from(input).toString();
    const { curves, events, evaluations, seconds } = readMetrics(text);
    for (const curve of Object.values(curves)) {
      rule(curve.length === curves.step.length, 'a curve of another length');
      rule(
        curve.every((value: number | null) => value === null || Number.isFinite(value)),
        'a point that is no number',
      );
    }
    const lines = text.split('\n').filter((line) => line.trim() !== '').length;
    rule(curves.step.length + evaluations.length <= lines, 'more rows than lines');
    rule(!Number.isNaN(seconds), 'seconds that are no number');
    return `${Math.min(2, curves.step.length)} points, ${Math.min(2, events.length)} events`;
  },
  refuses: () => false,
};
