import { appendFileSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AttuneError } from '../../../src/errors.ts';
import type { StepRecord } from '../../../src/train/events.ts';
import { type LogRow, MetricsFile, rowText } from '../../../src/train/metrics.ts';
import { Window } from '../../../src/train/window.ts';

const record = (step: number, loss: number, tokens: number, seconds: number): StepRecord => ({
  step,
  totalSteps: 10,
  epoch: step / 4,
  loss: loss / tokens,
  gradNorm: step / 10,
  learningRate: 1e-3 * step,
  tokens: 2 * tokens,
  seconds,
  applied: true,
  sums: { loss, nll: loss, entropy: 2 * tokens, correct: tokens / 2, tokens },
});

test('a row is weighted by tokens, with the norm and the rate of its last step', () => {
  const window = new Window();
  window.add(record(1, 10, 4, 1));
  window.add(record(2, 5, 16, 3));
  assert.equal(window.row(record(2, 5, 16, 3)), {
    step: 2,
    epoch: 0.5,
    loss: 0.75,
    grad_norm: 0.2,
    learning_rate: 2e-3,
    mean_token_accuracy: 0.5,
    entropy: 2,
    num_tokens: 40,
    tokens_per_second: 10,
    step_seconds: 2,
  });
  window.add(record(3, 8, 4, 2));
  const { loss, num_tokens, tokens_per_second } = window.row(record(3, 8, 4, 2));
  assert.equal([loss, num_tokens, tokens_per_second], [2, 48, 4]);
});

test('rows are on disk when written, numbers in full, NaN as text', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'attune-')), 'metrics.jsonl');
  const metrics = new MetricsFile(path, { tell: assert.unreachable });
  const row = { step: 1, epoch: 0.5, loss: Number.NaN, grad_norm: 0.1 + 0.2 } as LogRow;
  await metrics.write(row);
  assert.is(
    readFileSync(path, 'utf8'),
    '{"step":1,"epoch":0.5,"loss":"NaN","grad_norm":0.30000000000000004}\n',
  );
  await metrics.write({ ...row, step: 2 });
  assert.is(readFileSync(path, 'utf8').split('\n').length, 3);
  await metrics.write({ ...row, step: 3 });
  metrics.cut(2);
  await metrics.write({ ...row, step: 9 });
  metrics.close();
  const steps = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).step);
  assert.equal(steps(readFileSync(path, 'utf8')), [1, 2, 9]);
  appendFileSync(path, '{"step":3,"los');
  new MetricsFile(path, { tell: assert.unreachable }, 5).close();
  assert.equal(steps(readFileSync(path, 'utf8')), [1, 2]);
  assert.is(rowText({ a: Number.NEGATIVE_INFINITY }), '{"a":"-Infinity"}');
});

test('a file that cannot be made is an error of its own', () => {
  assert.throws(
    () => new MetricsFile('/nowhere/at/all', { tell: assert.unreachable }),
    (error: unknown) => error instanceof AttuneError && error.code === 'device',
  );
});

test.run();
