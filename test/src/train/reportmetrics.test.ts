import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readMetrics } from '../../../src/train/reportmetrics.ts';

const row = (step: number, more: object = {}) => ({
  step,
  epoch: step / 100,
  loss: 5 - step / 100,
  grad_norm: step % 7,
  learning_rate: 1e-3,
  mean_token_accuracy: 0.5,
  entropy: 2,
  num_tokens: 10 * step,
  tokens_per_second: 100,
  step_seconds: 0.5,
  ...more,
});
const text = (rows: object[]) => rows.map((each) => `${JSON.stringify(each)}\n`).join('');

test('curves, evaluations, and what the run has come to', () => {
  const evaluation = {
    step: 4,
    epoch: 0.04,
    eval_loss: 4.5,
    eval_mean_token_accuracy: 0.4,
    eval_tokens: 99,
    eval_runtime: 1.5,
  };
  const found = readMetrics(text([row(2), row(4), evaluation, row(6)]));
  assert.equal(found.curves.step, [2, 4, 6]);
  assert.equal(found.curves.loss, [4.98, 4.96, 4.94]);
  assert.equal(found.evaluations, [
    { step: 4, epoch: 0.04, loss: 4.5, accuracy: 0.4, tokens: 99, seconds: 1.5 },
  ]);
  assert.equal([found.lastStep, found.lastEpoch, found.tokens, found.seconds], [6, 0.06, 60, 3]);
  assert.equal(found.events, []);
});

test('what is not finite is a gap and an event; other rows and torn lines are events', () => {
  const rows = [
    row(1, { loss: 'NaN' }),
    {
      step: 1,
      epoch: 0.01,
      guard: 'loss_spike',
      guard_action: 'rewind',
      guard_step: 2,
      guard_loss: 8.12345,
      guard_grad_norm: 'NaN',
      guard_count: 1,
    },
    { step: 2, memory: 5 },
    row(3, { grad_norm: 'Infinity' }),
  ];
  const { curves, events } = readMetrics(`${text(rows)}{"step": 4, "lo`);
  assert.equal(curves.loss, [null, 4.97]);
  assert.equal(curves.gradNorm, [1, null]);
  assert.equal(events, [
    { step: 1, text: 'loss is NaN' },
    { step: 2, text: 'loss_spike: rewind, back to step 1; loss 8.123, gradient norm NaN' },
    { step: 2, text: 'memory 5' },
    { step: 3, text: 'grad_norm is Infinity' },
    { step: null, text: 'metrics.jsonl:5 is torn' },
  ]);
});

test('long runs: means of rows, and the largest gradient norm', () => {
  const rows = Array.from({ length: 9000 }, (_, i) => row(i + 1, { loss: i % 3 }));
  const { curves, rowsPerPoint } = readMetrics(text(rows));
  assert.is(rowsPerPoint, 3);
  assert.is(curves.step.length, 3000);
  assert.equal(curves.step.slice(0, 2), [3, 6]);
  assert.equal([curves.loss[0], curves.gradNorm[1]], [1, 6]);
});

test('nothing yet is no failure', () => {
  assert.equal(readMetrics('').curves.step, []);
});

test.run();
