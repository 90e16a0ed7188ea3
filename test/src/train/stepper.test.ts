import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resolveOptions } from '../../../src/config.ts';
import type { Engine, UpdateOptions } from '../../../src/native/addon.d.ts';
import type { Group } from '../../../src/train/groups.ts';
import { Stepper } from '../../../src/train/stepper.ts';

const { config } = resolveOptions({ model: 'm', trainFile: 'a', weightDecay: 0.1 });
const schedule = { at: (step: number) => step / 10, observe: () => {} };

function group(...trained: number[]): Group {
  const batches = trained.map((count) => ({
    tokens: new Int32Array(5),
    targets: new Int32Array(5),
    positions: new Int32Array(5),
    segments: Int32Array.of(0, 5),
    trained: count,
    progress: 0.75,
  }));
  const sum = trained.reduce((a, b) => a + b, 0);
  const next = { epoch: 0, batch: trained.length };
  return { epoch: 0.75, endsEpoch: false, batches, next, trained: sum };
}

/** An engine whose every batch has these sums, and whose norms come from a list. */
function fake(norms: number[]): { engine: Engine; updates: UpdateOptions[]; calls: string[] } {
  const updates: UpdateOptions[] = [];
  const calls: string[] = [];
  const engine = {
    async accumulate() {
      calls.push('accumulate');
      return { loss: 6, nll: 6, entropy: 1, correct: 1, tokens: 2 };
    },
    async update(options: UpdateOptions) {
      calls.push('update');
      updates.push(options);
      const gradNorm = norms.shift() ?? 1;
      return { gradNorm, applied: Number.isFinite(gradNorm) };
    },
  };
  return { engine: engine as unknown as Engine, updates, calls };
}

test('all micro-batches first, then one update divided by their trained tokens', async () => {
  const { engine, updates, calls } = fake([]);
  const stepper = new Stepper(engine, config, schedule, 9, 64);
  const first = await stepper.step(group(2, 2, 2));
  assert.equal(calls, ['accumulate', 'accumulate', 'accumulate', 'update']);
  assert.equal(updates[0], {
    learningRate: 0,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0.1,
    maxGradNorm: 1,
    tokens: 6,
  });
  assert.equal(
    [first.step, first.totalSteps, first.loss, first.tokens, first.epoch],
    [1, 9, 3, 15, 0.75],
  );
  await stepper.step(group(2));
  assert.is(updates[1]?.learningRate, 0.1);
  assert.equal([stepper.done, stepper.tokens, stepper.sums.tokens], [2, 20, 8]);
});

test('a group without trained tokens updates nothing', async () => {
  const { engine, calls } = fake([]);
  const record = await new Stepper(engine, config, schedule, 9, 64).step(group(0, 0));
  assert.equal(calls, []);
  assert.is(record.applied, false);
});

test('gradients that are not finite are counted, in all and in a row', async () => {
  const bad = Number.NaN;
  const { engine } = fake([bad, bad, 1, bad, Number.POSITIVE_INFINITY]);
  const stepper = new Stepper(engine, config, schedule, 9, 64);
  const inARow: number[] = [];
  for (let i = 0; i < 5; i++) {
    await stepper.step(group(2));
    inARow.push(stepper.skippedInARow);
  }
  assert.is(stepper.skipped, 4);
  assert.equal(inARow, [1, 2, 0, 1, 2]);
});

test.run();
