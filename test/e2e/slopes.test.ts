/** Mathematics that no golden reaches: partial adapters, dropout, chunks, caches, bfloat16. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineOptions, ModelSpec, NativeBatch } from '../../src/native/addon.d.ts';
import { distance } from './goldens.ts';
import {
  documents,
  LEARNED,
  lora,
  OPTIONS,
  openTiny,
  ROTARY,
  refuses,
  slopes,
  UPDATE,
} from './tiny.ts';

const BLOCK = ['q', 'k', 'v', 'o', 'up', 'down'].map((name) => `layers.1.${name}`);

const CASES: [string, ModelSpec, EngineOptions][] = [
  ['dropout on every module', ROTARY, lora([...BLOCK, 'layers.1.gate', 'layers.0.v'], 0.4)],
  ['an adapter below the middle', ROTARY, lora(['layers.0.down', 'layers.1.v'])],
  ['one member of three', ROTARY, lora(['layers.1.k'], 0.3)],
  ['norms after the blocks', LEARNED, lora(BLOCK, 0.4)],
  ['projections alone', LEARNED, lora(['project_in', 'project_out'], 0.4)],
  ['the last projection alone', LEARNED, lora(['project_out'])],
  ['no final norm', { ...LEARNED, normPlacement: 'pre' }, lora(['project_in', ...BLOCK], 0.2)],
  ['norms after the blocks and at the end', { ...LEARNED, finalNorm: true }, lora(BLOCK)],
];

for (const [name, spec, options] of CASES) {
  test(`the gradient is the loss's slope, over two batches: ${name}`, async () => {
    const batches = [documents(spec, [9, 1, 14]), documents(spec, [20], 5)];
    for (const [parameter, ratio] of await slopes(spec, options, batches)) {
      assert.ok(Math.abs(ratio - 1) < 1e-2, `${parameter}: ${ratio}`);
    }
  });
}

test('dropout: a seed gives its losses again; micro-batches and seeds differ', async () => {
  const losses = async (seed: number) => {
    const { engine } = await openTiny(ROTARY, { ...lora(BLOCK, 0.5), seed });
    const batch = documents(ROTARY, [12, 8]);
    const sums = [await engine.accumulate(batch), await engine.accumulate(batch)];
    const { loss } = await engine.evaluate(batch);
    engine.dispose();
    return [...sums.map((each) => each.loss), loss];
  };
  const [first, second, evaluated] = await losses(1);
  assert.equal(await losses(1), [first, second, evaluated]);
  const [other, , evaluatedToo] = await losses(2);
  assert.is.not(first, second);
  assert.is.not(first, other);
  assert.is(evaluated, evaluatedToo);
});

test('dropout: chunks of the head drop their own elements', async () => {
  const half = documents(LEARNED, Array(16).fill(64));
  half.targets.fill(3);
  const join = (name: 'tokens' | 'targets' | 'positions') =>
    Int32Array.from([...half[name], ...half[name]]);
  const whole: NativeBatch = {
    tokens: join('tokens'),
    targets: join('targets'),
    positions: join('positions'),
    segments: Int32Array.from({ length: 33 }, (_, i) => 64 * i),
  };
  const ratio = async (dropout: number) => {
    const options = { ...lora(['project_out'], dropout), maxTokens: 2048 };
    const sums = [];
    for (const batch of [half, whole]) {
      const { engine } = await openTiny(LEARNED, options);
      sums.push((await engine.accumulate(batch)).loss);
      engine.dispose();
    }
    return sums[1]! / sums[0]!;
  };
  assert.ok(Math.abs((await ratio(0)) - 2) < 1e-6);
  assert.ok(Math.abs((await ratio(0.5)) - 2) > 1e-6, 'both chunks dropped the same');
});

test('bfloat16: losses near those of float32, with an adapter and without', async () => {
  for (const options of [OPTIONS, lora(BLOCK, 0.3)]) {
    const losses = [];
    for (const dtype of ['float32', 'bfloat16'] as const) {
      const { engine } = await openTiny(LEARNED, { ...options, dtype });
      for (let i = 0; i < 5; i++) {
        losses.push((await engine.accumulate(documents(LEARNED, [30, 20]))).loss);
        assert.ok((await engine.update(UPDATE)).applied);
      }
      engine.dispose();
    }
    for (let i = 0; i < 5; i++) assert.ok(Math.abs(losses[i + 5]! / losses[i]! - 1) < 0.02);
  }
});

test('decoding is not disturbed by other verbs, and ends with a refusal', async () => {
  const { engine } = await openTiny(ROTARY, { ...OPTIONS, maxTokens: 12 });
  const { tokens } = documents(ROTARY, [12]);
  const batch = documents(ROTARY, [5, 7], 2);
  const whole = await engine.logits(tokens);
  let at = 0;
  for (const count of [5, 1, 6]) {
    const last = await engine.decode(tokens.subarray(at, at + count), at === 0);
    at += count;
    assert.ok(distance(last, whole.subarray((at - 1) * 40, at * 40)) < 1e-5, `${at} tokens`);
    await engine.evaluate(batch);
    await engine.accumulate(batch);
    await engine.logits(batch.tokens);
  }
  await refuses(() => engine.decode(tokens.subarray(0, 1), false), 'shape', /12 tokens; 13 were/);
  assert.ok(distance(await engine.decode(tokens, true), whole.subarray(11 * 40)) < 1e-5);
  await refuses(() => engine.decode(new Int32Array(0), false), 'shape', /0 tokens/);
  engine.dispose();
});

test('one token is a batch, a document and a cache', async () => {
  const { engine } = await openTiny(LEARNED, { ...OPTIONS, maxTokens: 1 });
  const one = Int32Array.of(1);
  const zero = Int32Array.of(0);
  const batch = { tokens: one, targets: one, positions: zero, segments: Int32Array.of(0, 1) };
  assert.is((await engine.accumulate(batch)).tokens, 1);
  assert.is((await engine.decode(one, true)).length, 40);
  await refuses(() => engine.decode(one, false), 'shape', /holds 1 tokens/);
  engine.dispose();
});

test('a merged adapter gives the same logits and cannot be trained', async () => {
  const { engine } = await openTiny(LEARNED, lora(['project_in', 'project_out', ...BLOCK]));
  const batch = documents(LEARNED, [10]);
  const before = await engine.logits(batch.tokens);
  await engine.merge();
  await engine.merge();
  assert.ok(distance(await engine.logits(batch.tokens), before) < 1e-5);
  await refuses(() => engine.accumulate(batch), 'config', /merged/);
  engine.dispose();
});

test.run();
