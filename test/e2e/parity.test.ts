/** The whole product against PyTorch (50 steps) and TRL 1.13 (6 steps), float32, on GSM8K rows. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SFTTrainer, type StepRecord, type TrainOptions } from '../../src/index.ts';
import { GOLDEN } from './goldens.ts';
import { hasShared, STORIES, temporary, writeGsm8k } from './shared.ts';

const SPLITS = [8, 4, 2, 1];
const PACKED = ['full_packed', 'lora_packed'];
const count = 2 * SPLITS.length + 6;

if (hasShared(count)) {
  const dir = temporary();
  const data = join(dir, 'gsm8k.jsonl');
  writeGsm8k(data, 'train', 600);
  const few = join(dir, 'few.jsonl');
  writeGsm8k(few, 'train', 64);
  const read = (name: string) => JSON.parse(readFileSync(join(GOLDEN, name), 'utf8'));
  const { config, runs } = read('parity.json');
  const trl = read('trl.json');
  const closeTo = (a: number, b: number) => Math.abs(a / b - 1);
  const worst = (ours: number[], theirs: number[], distance: (a: number, b: number) => number) =>
    Math.max(...theirs.map((value, i) => distance(ours[i]!, value)));

  /** Every step of a run that starts from the golden weights (and adapter). */
  async function train(
    method: 'full' | 'lora',
    options: Partial<TrainOptions>,
  ): Promise<StepRecord[]> {
    const trainer = new SFTTrainer({
      model: STORIES,
      adapter: method === 'lora' ? join(GOLDEN, 'adapters/stories260K') : undefined,
      method,
      dtype: 'float32',
      trainFile: data,
      outputDir: join(dir, `${method}-${Math.random()}`),
      maxLength: config.max_length,
      learningRate: config.learning_rate,
      lrSchedulerType: 'linear',
      weightDecay: config.weight_decay,
      maxGradNorm: config.max_grad_norm,
      trainSamplingStrategy: 'sequential',
      ...options,
    } as TrainOptions);
    const steps: StepRecord[] = [];
    for await (const step of trainer.steps()) steps.push(step);
    return steps;
  }

  for (const method of ['full', 'lora'] as const) {
    let whole: number[] = [];
    for (const split of SPLITS) {
      test(`${method}: 50 steps equal PyTorch's, micro-batch ${split}`, async () => {
        const steps = await train(method, {
          perDeviceTrainBatchSize: split,
          gradientAccumulationSteps: 8 / split,
          maxSteps: 50,
          warmupSteps: 5,
        });
        const expected = runs[method].float32;
        const losses = steps.map((step) => step.loss);
        assert.equal(
          steps.map(({ sums }) => sums.tokens),
          expected.tokens,
        );
        const loss = worst(losses, expected.loss, (a, b) => Math.abs(a - b));
        const norm = worst(
          steps.map((step) => step.gradNorm),
          expected.grad_norm,
          closeTo,
        );
        assert.ok(loss < 1e-5, `loss ${loss}`);
        assert.ok(norm < 1e-4, `grad_norm ${norm}`);
        if (split === SPLITS[0]) whole = losses;
        const spread = worst(losses, whole, (a, b) => Math.abs(a - b));
        assert.ok(spread <= 2e-6, `micro-batches differ by ${spread}`);
      });
    }
  }

  for (const name of ['full', 'lora', 'full_accumulated', 'full_dft', ...PACKED]) {
    test(`TRL 1.13, ${name}: six steps`, async () => {
      const { changes, steps: theirs } = trl.runs[name];
      const ours = await train(name.startsWith('full') ? 'full' : 'lora', {
        trainFile: few,
        perDeviceTrainBatchSize: changes.per_device_train_batch_size ?? 8,
        gradientAccumulationSteps: changes.gradient_accumulation_steps ?? 1,
        packing: changes.packing ? 'bfd' : false,
        lossType: changes.loss_type ?? 'nll',
        maxSteps: 6,
        warmupSteps: 2,
      });
      // TRL's own losses are float32 means; packed steps carry rounding of other orders of sums.
      const loss = worst(
        ours.map((step) => step.loss),
        theirs.loss,
        closeTo,
      );
      const norm = worst(
        ours.map((step) => step.gradNorm),
        theirs.grad_norm,
        closeTo,
      );
      assert.ok(loss < 1e-4, `loss ${loss}`);
      assert.ok(norm < 1e-3, `grad_norm ${norm}`);
      assert.equal(
        ours.map((step) => Math.fround(step.learningRate)),
        theirs.learning_rate.map(Math.fround),
      );
    });
  }
}

test.run();
