/** The engine against PyTorch in float64: sums, losses, logits and every gradient, packed. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { distance, makeBatch, openGolden, readGolden, worstGradient } from './goldens.ts';

const MODELS = ['llama', 'llama3', 'opt', 'opt350'];
const TOLERANCE = 2e-5;

for (const name of MODELS) {
  for (const loss of ['nll', 'smoothed', 'dft'] as const) {
    test(`${name}: ${loss}, every gradient`, async () => {
      const golden = await readGolden(name);
      const { model, engine } = await openGolden(name, {
        loss: loss === 'dft' ? 'dft' : 'nll',
        labelSmoothing: loss === 'smoothed' ? golden.smoothing : 0,
      });
      const sums = await engine.accumulate(makeBatch(golden.documents));
      const expected = golden.sums[loss];
      assert.is(sums.tokens, expected.tokens);
      assert.is(sums.correct, expected.correct);
      for (const key of ['loss', 'nll', 'entropy'] as const) {
        assert.ok(
          Math.abs(sums[key] / expected[key] - 1) < 1e-5,
          `${key} ${sums[key]} ${expected[key]}`,
        );
      }
      const worst = await worstGradient(engine, model, golden.tensors, loss);
      assert.is(worst.compared, engine.parameters().length);
      assert.ok(worst.distance < TOLERANCE, JSON.stringify(worst));
      engine.dispose();
    });
  }

  test(`${name}: with a PEFT adapter, every adapter gradient`, async () => {
    const golden = await readGolden(name);
    const { model, engine } = await openGolden(name, { method: 'lora', withAdapter: true });
    const sums = await engine.accumulate(makeBatch(golden.documents));
    assert.ok(Math.abs(sums.nll / golden.sums.lora.nll - 1) < 1e-5);
    const worst = await worstGradient(engine, model, golden.tensors, 'lora');
    assert.ok(worst.compared > 0);
    assert.ok(worst.distance < TOLERANCE, JSON.stringify(worst));
    const document = golden.documents[golden.logitsOf]!;
    assert.ok(
      distance(await engine.logits(document.ids), golden.tensors.get('lora_logits')!) < 1e-5,
    );
    engine.dispose();
  });

  test(`${name}: logits and per-token losses, packed`, async () => {
    const golden = await readGolden(name);
    const { engine } = await openGolden(name, { method: 'none' });
    const document = golden.documents[golden.logitsOf]!;
    assert.ok(distance(await engine.logits(document.ids), golden.tensors.get('logits')!) < 1e-5);
    const losses = await engine.tokenLosses(makeBatch(golden.documents));
    assert.ok(distance(losses, golden.tensors.get('nll')!) < 1e-5);
    engine.dispose();
  });

  test(`${name}: decoding token by token gives the logits of the whole`, async () => {
    const golden = await readGolden(name);
    const { engine } = await openGolden(name, { method: 'none' });
    const { ids } = golden.documents[golden.logitsOf]!;
    const whole = await engine.logits(ids);
    const size = whole.length / ids.length;
    const first = Math.min(3, ids.length);
    let last = await engine.decode(ids.subarray(0, first), true);
    for (let t = first; t <= ids.length; t++) {
      assert.ok(distance(last, whole.subarray((t - 1) * size, t * size)) < 1e-5, `token ${t}`);
      if (t < ids.length) last = await engine.decode(ids.subarray(t, t + 1), false);
    }
    engine.dispose();
  });
}

test.run();
