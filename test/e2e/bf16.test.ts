/** Gradients in bfloat16 are no farther from float32 than PyTorch's own are. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeBatch } from '../../src/batch/batch.ts';
import { openModel, startEngine } from '../../src/train/model.ts';
import { STORIES } from './shared.ts';

interface Golden {
  rows: { ids: number[]; labels: number[] }[];
  loss: Record<'float32' | 'bfloat16', number>;
  relative_error: number;
  relative_errors: Record<string, number>;
}

/** Of one parameter two samples of the same noise; of all together the rule holds as it stands. */
const SAME = 1.25;

test('every gradient in bfloat16, by its distance from float32', async () => {
  const golden: Golden = JSON.parse(
    readFileSync(join(import.meta.dirname, '../golden/bf16_gradients.json'), 'utf8'),
  );
  const batch = makeBatch(
    golden.rows.map(({ ids, labels }) => ({
      ids: Int32Array.from(ids),
      labels: Int32Array.from(labels),
    })),
  );
  const model = await openModel(STORIES);
  const gradients = async (dtype: 'float32' | 'bfloat16') => {
    const size = { maxTokens: batch.tokens.length, maxLength: 256 };
    const { engine, loaded } = startEngine(model, { method: 'full', dtype, ...size });
    await loaded;
    const sums = await engine.accumulate(batch);
    const names = engine.parameters().map(({ name }) => name);
    const read = names.map(async (name) => [name, await engine.read(name, 'gradient')] as const);
    const all = new Map(await Promise.all(read));
    engine.dispose();
    return { loss: sums.loss / batch.trained, all };
  };
  const [single, half] = [await gradients('float32'), await gradients('bfloat16')];
  assert.ok(Math.abs(single.loss - golden.loss.float32) < 1e-5, 'the batch is PyTorch’s');
  let [wrong, size] = [0, 0];
  for (const [name, exact] of single.all) {
    const apart = square(half.all.get(name)!.map((x, i) => x - exact[i]!));
    const theirs = golden.relative_errors[model.plan.get(name)!.name]!;
    const ours = Math.sqrt(apart / square(exact));
    assert.ok(ours <= SAME * theirs, `${name}: ${ours}, PyTorch's ${theirs}`);
    wrong += apart;
    size += square(exact);
  }
  const ours = Math.sqrt(wrong / size);
  assert.ok(ours <= golden.relative_error, `${ours}, PyTorch's ${golden.relative_error}`);
});

function square(values: Float32Array): number {
  return values.reduce((sum, x) => sum + x * x, 0);
}

test.run();
