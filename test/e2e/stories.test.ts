/** stories260K, a real pretrained model: its golden text and logits, and packing without a trace. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeBatch } from '../../src/batch/batch.ts';
import { generate } from '../../src/index.ts';
import { openModel, startEngine } from '../../src/train/model.ts';
import { readNpz } from './npz.ts';
import { hasShared, STORIES } from './shared.ts';

async function open(maxTokens: number) {
  const model = await openModel(STORIES);
  const request = { method: 'none', dtype: 'float32', maxTokens, maxLength: 512 } as const;
  const { engine, loaded } = startEngine(model, request);
  await loaded;
  return engine;
}

if (hasShared(3)) {
  test('200 greedy tokens from the BOS token alone are the golden ones, as text and as a stream', async () => {
    const golden = JSON.parse(readFileSync(join(STORIES, 'golden_greedy.json'), 'utf8'));
    let streamed = '';
    const found = await generate({
      model: STORIES,
      prompt: '',
      maxNewTokens: 200,
      dtype: 'float32',
      onText: (piece) => {
        streamed += piece;
      },
    });
    assert.equal([...found.promptIds, ...found.ids], golden.ids);
    assert.is(found.text, golden.text);
    assert.is(streamed, golden.text);
  });

  test('logits equal the float64 ones within 1e-4', async () => {
    const golden = readNpz(join(STORIES, 'golden_fp64.npz'));
    const engine = await open(512);
    const [ids, expected] = [golden.get('ids')!, golden.get('logits')!];
    const logits = await engine.logits(Int32Array.from(ids.data));
    assert.is(logits.length, expected.data.length);
    const worst = Math.max(...expected.data.map((value, i) => Math.abs(value - logits[i]!)));
    assert.ok(worst < 1e-4, `${worst}`);
    engine.dispose();
  });

  test('packed equals unpacked, token by token', async () => {
    const engine = await open(2048);
    let state = 1;
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const documents = Array.from({ length: 12 }, () => {
      const ids = Int32Array.from({ length: 2 + random(160) }, () => 3 + random(500));
      return { ids, labels: ids };
    });
    const packed = await engine.tokenLosses(makeBatch(documents));
    const apart: number[] = [];
    for (const document of documents)
      apart.push(...(await engine.tokenLosses(makeBatch([document]))));
    const differences = apart.map((value, i) => Math.abs(value - packed[i]!));
    assert.is(packed.length, apart.length);
    const mean = differences.reduce((sum, d) => sum + d, 0) / differences.length;
    assert.ok(mean < 1e-6, `mean ${mean}`);
    assert.ok(Math.max(...differences) < 2e-5, `worst ${Math.max(...differences)}`);
    engine.dispose();
  });
}

test.run();
