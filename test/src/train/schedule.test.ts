import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AttuneError } from '../../../src/errors.ts';
import { makeSchedule, type ScheduleConfig } from '../../../src/train/schedule.ts';

const golden = JSON.parse(
  readFileSync(new URL('../../golden/schedules.json', import.meta.url), 'utf8'),
);

function config(
  type: string,
  kwargs: Record<string, unknown> = {},
  warmupSteps = 0,
): ScheduleConfig {
  return {
    lrSchedulerType: type as ScheduleConfig['lrSchedulerType'],
    lrSchedulerKwargs: kwargs,
    learningRate: golden.rate,
    warmupSteps,
  };
}

function near(actual: number, expected: number, what: string): void {
  assert.ok(
    Math.abs(actual - expected) <= 1e-13 * golden.rate + 1e-12 * expected,
    `${what}: ${actual} ${expected}`,
  );
}

for (const { type, warmup, total, kwargs, rates } of golden.schedules) {
  test(`${type} ${JSON.stringify(kwargs)} equals transformers`, () => {
    const schedule = makeSchedule(config(type, kwargs, warmup), total);
    for (const [step, rate] of rates.entries()) near(schedule.at(step), rate, `step ${step}`);
  });
}

for (const { kwargs, rates } of golden.plateaus) {
  test(`reduce_lr_on_plateau ${JSON.stringify(kwargs)} equals PyTorch`, () => {
    const schedule = makeSchedule(config('reduce_lr_on_plateau', kwargs), 100);
    golden.losses.forEach((loss: number, i: number) => {
      schedule.observe(loss);
      near(schedule.at(i), rates[i], `loss ${i}`);
    });
  });
}

test('a warm-up below 1 is a share of the run, rounded up', () => {
  const schedule = makeSchedule(config('constant_with_warmup', {}, 0.101), 100);
  near(schedule.at(10), (golden.rate * 10) / 11, 'step 10');
  near(schedule.at(11), golden.rate, 'step 11');
});

const refused: [string, Record<string, unknown>, RegExp][] = [
  ['cosine_with_min_lr', {}, /expected one of min_lr and min_lr_rate/],
  ['cosine_with_min_lr', { min_lr: 1e-6, min_lr_rate: 0.1 }, /expected one of/],
  ['polynomial', { lr_end: 1 }, /lr_end 1 is not below learning_rate/],
  ['warmup_stable_decay', {}, /expected num_decay_steps/],
  ['warmup_stable_decay', { num_decay_steps: 1, decay_type: 'x' }, /decay_type: expected one of/],
  ['linear', { num_cycles: 2 }, /num_cycles is no setting of linear; it has none/],
  ['cosine', { num_cycles: 'two' }, /num_cycles: expected a number, received "two"/],
];
for (const [type, kwargs, message] of refused) {
  test(`${type} ${JSON.stringify(kwargs)} is refused`, () => {
    assert.throws(
      () => makeSchedule(config(type, kwargs), 10),
      (error: unknown) =>
        error instanceof AttuneError && error.code === 'config' && message.test(error.message),
    );
  });
}

test.run();
