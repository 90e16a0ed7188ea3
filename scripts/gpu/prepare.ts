// Makes what the proof with a GPU replays: node --import tsx scripts/gpu/prepare.ts [DIR]
//
// Records of runs on this processor, small enough to be carried to a machine without Node and
// network, and proof.json, which says how each is replayed and how far it may be off. Fifty steps
// on GSM8K rows (../shared) as in test/e2e/parity.test.ts, in float32; the same in bfloat16 may
// differ from float32 as PyTorch's own bfloat16 does (test/golden/parity_bf16.json). Five steps of
// the models of test/golden, which differ in every switch.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeBatch } from '../../src/batch/batch.ts';
import { SFTTrainer, type TrainOptions } from '../../src/index.ts';
import { openModel, startEngine } from '../../src/train/model.ts';
import { prepareRecord } from '../../src/train/record.ts';
import { STORIES, writeGsm8k } from '../../test/e2e/shared.ts';

const GOLDEN = join(import.meta.dirname, '../../test/golden');
const MODELS = ['llama', 'llama3', 'opt', 'opt350'];
/** The issue's: losses of fifty steps in float32. */
const LOSS = 1e-4;
/** Relative, of a gradient's norm in float32. */
const NORM = 1e-3;

/** Two samples of the same noise: the other may be so much larger and still be of its size. */
const SAME = 1.25;

/** One replay: the record, and what attune_replay is told besides the device. */
interface Replayed {
  name: string;
  record: string;
  arguments: string[];
}

const read = (name: string) => JSON.parse(readFileSync(join(GOLDEN, name), 'utf8'));
const words = (given: Record<string, unknown>): string[] =>
  Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)]);

async function parity(dir: string, method: 'full' | 'lora'): Promise<Replayed[]> {
  const { config } = read('parity.json');
  const name = `parity-${method}`;
  const rows = join(dir, 'gsm8k.jsonl');
  const output = join(dir, `${name}-output`);
  writeGsm8k(rows, 'train', 600);
  const trainer = new SFTTrainer({
    model: STORIES,
    adapter: method === 'lora' ? join(GOLDEN, 'adapters/stories260K') : undefined,
    method,
    dtype: 'float32',
    device: 'cpu',
    trainFile: rows,
    outputDir: output,
    record: join(dir, name),
    maxLength: config.max_length,
    learningRate: config.learning_rate,
    weightDecay: config.weight_decay,
    maxGradNorm: config.max_grad_norm,
    warmupSteps: config.warmup_steps,
    maxSteps: config.max_steps,
    perDeviceTrainBatchSize: config.per_device_train_batch_size,
    trainSamplingStrategy: 'sequential',
  } as TrainOptions);
  await trainer.train();
  rmSync(output, { recursive: true });
  rmSync(rows);
  const torch = read('parity_bf16.json').runs[method].bfloat16;
  const { largest, rms } = torch.loss_from_float32;
  const norm = torch.grad_norm_from_float32_relative;
  const half = { loss: SAME * largest, distance: SAME * rms, norm: SAME * norm };
  return [
    { name: `${name} float32`, record: name, arguments: words({ loss: LOSS, norm: NORM }) },
    {
      name: `${name} bfloat16`,
      record: name,
      arguments: words({ dtype: 'bfloat16', ...half }),
    },
  ];
}

/** Tokens that follow a rule, so that there is something to learn; every third has no target. */
function batchOf(vocabularySize: number, step: number) {
  const lengths = [40, 1, 23];
  return makeBatch(
    lengths.map((length, s) => {
      const ids = Int32Array.from(
        { length },
        (_, i) => 3 + ((7 * i + 5 * s + step) % (vocabularySize - 3)),
      );
      return { ids, labels: ids.map((id, i) => (i % 3 === 2 ? -100 : id)) };
    }),
  );
}

async function golden(dir: string, name: string): Promise<Replayed> {
  const record = join(dir, name);
  await prepareRecord(record);
  const model = await openModel(join(GOLDEN, 'models', name));
  const request = { method: 'full', dtype: 'float32', maxTokens: 64, maxLength: 64 } as const;
  const { engine, loaded } = startEngine(model, { ...request, record });
  await loaded;
  for (let step = 0; step < 5; step++) {
    const batch = batchOf(model.spec.vocabularySize, step);
    await engine.accumulate(batch);
    await engine.update({
      learningRate: 1e-3,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0.01,
      maxGradNorm: 1,
      tokens: batch.trained,
    });
  }
  engine.dispose();
  return { name: `${name} float32`, record: name, arguments: words({ loss: LOSS, norm: NORM }) };
}

const dir = resolve(process.argv[2] ?? join(import.meta.dirname, '../../runs/gpu'));
rmSync(dir, { recursive: true, force: true });
mkdirSync(dir, { recursive: true });
const replays: Replayed[] = [];
for (const name of MODELS) replays.push(await golden(dir, name));
for (const method of ['full', 'lora'] as const) replays.push(...(await parity(dir, method)));
const git = spawnSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' });
const proof = { commit: git.stdout.trim() || 'unknown', replays };
writeFileSync(join(dir, 'proof.json'), `${JSON.stringify(proof, null, 2)}\n`);
console.log(`${dir}: ${replays.length} replays`);
