/** What guards notice, and what memory that runs out leads to. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resolveOptions, type TrainOptions } from '../../../src/config.ts';
import { AttuneError } from '../../../src/errors.ts';
import type { Engine } from '../../../src/native/addon.d.ts';
import type { StepRecord } from '../../../src/train/events.ts';
import type { Group } from '../../../src/train/groups.ts';
import { Guards, LossSpikes, stopError } from '../../../src/train/guards.ts';
import { Stepper } from '../../../src/train/stepper.ts';
import { documents, OPTIONS, openTiny, ROTARY } from '../../e2e/tiny.ts';

const configure = (more: Partial<TrainOptions> = {}) =>
  resolveOptions({ model: 'm', trainFile: 'a', ...more }).config;
const record = (step: number, loss: number) =>
  ({ step, loss, epoch: 0, gradNorm: loss }) as StepRecord;
const stepper = (skippedInARow: number, split = 0) =>
  ({ skipped: 7, skippedInARow, splits: 1, split }) as Stepper;

test('steps without an update are skipped, and end the run at the limit', () => {
  const guards = new Guards(configure());
  assert.equal(guards.judge(record(1, 1), stepper(0)), []);
  const [first] = guards.judge(record(2, Number.NaN), stepper(1));
  assert.equal(first!.row, {
    step: 2,
    epoch: 0,
    guard: 'non_finite',
    guard_action: 'skip',
    guard_step: 2,
    guard_loss: Number.NaN,
    guard_grad_norm: Number.NaN,
    guard_count: 7,
  });
  const [third] = guards.judge(record(4, Number.NaN), stepper(3));
  assert.is(third!.row.guard_action, 'stop');
  assert.is(stopError(third!).code, 'non_finite');
  for (const policy of ['rewind', 'stop'] as const) {
    const [alarm] = new Guards(configure({ nonFinite: policy })).judge(record(1, 1), stepper(1));
    assert.is(alarm!.row.guard_action, policy);
  }
});

test('memory that ran out is told of', () => {
  const [alarm] = new Guards(configure()).judge(record(5, 1), stepper(0, 512));
  assert.equal([alarm!.row.guard, alarm!.row.guard_action], ['out_of_memory', 'split']);
  assert.match(alarm!.message, /at most 512 tokens/);
});

test('a loss that stays over twice the mean is noticed within its patience, one that does not is not', () => {
  const spikes = new LossSpikes(configure({ lossSpikeWindow: 10 }));
  const rises = (losses: number[]) => losses.map((loss) => spikes.rises(loss));
  const calm = Array.from({ length: 30 }, (_, i) => 2 + Math.sin(i));
  assert.not.ok(rises(calm).includes(true));
  assert.not.ok(rises([9, 9, 9, 2, 9, Number.NaN, 9, 9, 2]).includes(true));
  assert.equal(rises([9, 9, 9, 9]), [false, false, false, true]);
  // The new height is the measure from here on.
  assert.not.ok(rises(Array(40).fill(9)).includes(true));
  assert.is(spikes.count, 1);
});

test('a checkpoint keeps what a guard has counted', () => {
  const config = configure({ lossSpikeWindow: 4, lossSpikePatience: 2 });
  const one = new LossSpikes(config);
  for (const loss of [1, 1, 1, 1, 5]) one.rises(loss);
  const two = new LossSpikes(config);
  two.restore(JSON.parse(JSON.stringify(one.capture())));
  assert.equal([one.rises(5), two.rises(5)], [true, true]);
  assert.throws(() => two.restore({ losses: 'none' }), /guards.loss_spike is damaged/);
});

test('where memory runs out a step is made again in smaller parts, with the same sums', async () => {
  const batch = { ...documents(ROTARY, [9, 7, 12, 4]), trained: 0, progress: 1 };
  batch.trained = batch.targets.filter((target) => target !== -100).length;
  const group = { batches: [batch], trained: batch.trained, epoch: 1 } as unknown as Group;
  const run = async (failures: number) => {
    const { engine } = await openTiny(ROTARY, OPTIONS);
    const sizes: number[] = [];
    // As an engine in which a micro-batch has failed half-way.
    let torn = false;
    const failing: Engine = {
      ...engine,
      accumulate(part) {
        sizes.push(part.tokens.length);
        // The second part of a step does not fit.
        if (failures > 0 && sizes.length % 2 === 0) {
          failures--;
          torn = true;
          return Promise.reject(new AttuneError('out_of_memory', 'out of memory'));
        }
        return engine.accumulate(part);
      },
      update(options) {
        if (!torn) return engine.update(options);
        return Promise.reject(new AttuneError('internal', 'restore the engine first'));
      },
      restore(progress) {
        torn = false;
        return engine.restore(progress);
      },
    };
    const made = new Stepper(failing, configure(), { at: () => 0.01 }, 9, 20);
    const { loss, gradNorm, applied } = await made.step(group);
    const weights = await engine.read('layers.0.q.weight', 'value');
    const { updates, microBatches } = await engine.progress();
    engine.dispose();
    return { made, sizes, loss, gradNorm, applied, weights, updates, microBatches };
  };
  const whole = await run(0);
  const split = await run(1);
  assert.equal(whole.sizes, [16, 16]);
  assert.equal(split.sizes, [16, 16, 9, 7, 12, 4].slice(0, split.sizes.length));
  assert.equal([split.made.splits, split.made.split], [1, 8]);
  assert.equal([split.applied, split.updates, split.microBatches], [true, 1, 4]);
  assert.ok(Math.abs(split.loss - whole.loss) < 1e-6);
  assert.ok(split.weights.every((value, i) => Math.abs(value - whole.weights[i]!) < 1e-6));
  const error = await run(9).catch((caught: unknown) => caught as AttuneError);
  assert.instance(error, AttuneError);
  assert.match((error as AttuneError).message, /a document of 12 tokens needs more memory/);
});

test.run();
