import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeSampler } from '../../../src/train/sampler.ts';

const logits = Float32Array.of(0, 2, 1, -1, 2);
const plain = { temperature: 1, topK: 0, topP: 1, seed: 7 };
const draw = (options: Partial<typeof plain>, count = 4000): number[] => {
  const sample = makeSampler({ ...plain, ...options });
  const seen = new Array<number>(logits.length).fill(0);
  for (let i = 0; i < count; i++) seen[sample(logits)]! += 1 / count;
  return seen;
};

test('temperature 0 takes the first of the most likely', () => {
  assert.is(makeSampler({ ...plain, temperature: 0 })(logits), 1);
});

test('samples follow the softmax at the temperature', () => {
  for (const temperature of [0.5, 1, 2]) {
    const weights = Array.from(logits, (logit) => Math.exp(logit / temperature));
    const total = weights.reduce((a, b) => a + b, 0);
    draw({ temperature }).forEach((share, id) => {
      assert.ok(Math.abs(share - weights[id]! / total) < 0.03, `${temperature} ${id}`);
    });
  }
});

test('top-k and top-p leave the unlikely out', () => {
  assert.equal(
    draw({ topK: 2 }).map((share) => share > 0),
    [false, true, false, false, true],
  );
  assert.equal(
    draw({ topK: 1 }),
    [0, 1, 0, 0, 0].map((n, i) => (i === 1 ? draw({ topK: 1 })[1]! : n)),
  );
  assert.equal(
    draw({ topP: 0.9 }).map((share) => share > 0),
    [false, true, true, false, true],
  );
  assert.equal(
    draw({ topP: 0.1 }).map((share) => share > 0),
    [false, true, false, false, false],
  );
});

test('the same seed gives the same ids, another gives others', () => {
  const ids = (seed: number) => {
    const sample = makeSampler({ ...plain, seed });
    return Array.from({ length: 50 }, () => sample(logits));
  };
  assert.equal(ids(1), ids(1));
  assert.not.equal(ids(1), ids(2));
});

test.run();
