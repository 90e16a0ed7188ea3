import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeSampler } from '../../../src/train/sampler.ts';
import { TextStream } from '../../../src/train/textstream.ts';

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

test('text is held back inside a character, and words keep their spaces', () => {
  // Id 0 is a beginning; 1 and 2 are the bytes of é; others are words, the first without its space.
  const decode = (ids: Int32Array) =>
    Array.from(ids)
      .map((id, i, all) => {
        if (id === 0) return '';
        if (id === 1) return all[i + 1] === 2 ? 'é' : '\uFFFD';
        return id === 2 ? '' : ` w${id}`;
      })
      .join('')
      .replace(/^ /, '');
  const stream = new TextStream({ decode }, Int32Array.of(0, 5));
  assert.equal(
    [7, 1, 2, 8].map((id) => stream.push(id)),
    [' w7', '', 'é', ' w8'],
  );
  stream.push(1);
  assert.is(stream.end(), '\uFFFD');
  assert.is(stream.text, ' w7é w8\uFFFD');
});

test.run();
