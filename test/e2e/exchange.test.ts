/** Files that other tools wrote and will read: PEFT adapters, checkpoints in every layout. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeBatch } from '../../src/batch/batch.ts';
import { readHeader } from '../../src/checkpoint/safetensors.ts';
import { openModel, startEngine } from '../../src/train/model.ts';
import { saveResult } from '../../src/train/result.ts';
import { distance, GOLDEN, openGolden, readGolden } from './goldens.ts';
import { temporary } from './shared.ts';

const dir = temporary();

test("an adapter that PEFT trained goes on training as PEFT's own loop does", async () => {
  const golden = JSON.parse(readFileSync(join(GOLDEN, 'continued.json'), 'utf8'));
  const { config, runs } = golden;
  const model = await openModel(join(GOLDEN, golden.model), join(GOLDEN, golden.adapter));
  const request = { method: 'lora', dtype: 'float32', maxTokens: 512, maxLength: 128 } as const;
  const { engine, loaded } = startEngine(model, request);
  await loaded;
  const losses: number[] = [];
  const norms: number[] = [];
  for (const [step, rows] of golden.batches.entries()) {
    const batch = makeBatch(
      rows.map(({ ids, labels }: { ids: number[]; labels: number[] }) => ({
        ids: Int32Array.from(ids),
        labels: Int32Array.from(labels),
      })),
    );
    const sums = await engine.accumulate(batch);
    const { gradNorm } = await engine.update({
      learningRate: runs.float32.learning_rate[step],
      beta1: config.adam_beta1,
      beta2: config.adam_beta2,
      epsilon: config.adam_epsilon,
      weightDecay: config.weight_decay,
      maxGradNorm: config.max_grad_norm,
      tokens: sums.tokens,
    });
    losses.push(sums.loss / sums.tokens);
    norms.push(gradNorm);
  }
  runs.float64.loss.forEach((loss: number, i: number) => {
    assert.ok(Math.abs(losses[i]! - loss) < 1e-5, `step ${i + 1}: ${losses[i]} ${loss}`);
    assert.ok(Math.abs(norms[i]! / runs.float64.grad_norm[i] - 1) < 1e-4);
  });
  engine.dispose();
});

for (const name of ['llama-sharded', 'llama-v4', 'llama-bf16']) {
  test(`${name}: another layout, the same logits`, async () => {
    const golden = await readGolden('llama');
    const { engine } = await openGolden(name, { method: 'none' });
    const logits = await engine.logits(golden.documents[golden.logitsOf]!.ids);
    const tolerance = name === 'llama-bf16' ? 0.05 : 1e-5;
    assert.ok(distance(logits, golden.tensors.get('logits')!) < tolerance);
    engine.dispose();
  });
}

/** Bytes of every tensor of a single-file checkpoint, by name. */
async function tensorBytes(path: string): Promise<Map<string, string>> {
  const file = readFileSync(path);
  return new Map(
    (await readHeader(path)).map(({ name, dtype, shape, offset, bytes }) => [
      name,
      `${dtype} ${shape} ${file.toString('base64', offset, offset + bytes)}`,
    ]),
  );
}

for (const name of ['llama', 'llama-bf16', 'llama3', 'opt', 'opt350']) {
  for (const dtype of ['float32', 'bfloat16'] as const) {
    test(`${name}, ${dtype}: load and save changes no byte of a tensor`, async () => {
      const { model, engine } = await openGolden(name, { method: 'full', dtype });
      const out = join(dir, `${name}-${dtype}`);
      await saveResult(engine, model, null, out);
      const [before, after] = await Promise.all(
        [join(GOLDEN, 'models', name), out].map((at) => tensorBytes(join(at, 'model.safetensors'))),
      );
      assert.equal([...after!].sort(), [...before!].sort());
      engine.dispose();
    });
  }
}

test.run();
