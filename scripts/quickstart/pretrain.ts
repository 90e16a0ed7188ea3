/**
 * Pretrains the quickstart's base model with attune itself, from random weights on the corpus:
 * `node --import tsx scripts/quickstart/pretrain.ts [epochs]` (about ten minutes on two cores).
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findDescriptor } from '../../src/arch/index.ts';
import { tensorName } from '../../src/arch/names.ts';
import { parameterShapes } from '../../src/arch/parameters.ts';
import { makeHeader } from '../../src/checkpoint/header.ts';
import { SFTTrainer } from '../../src/index.ts';
import { Rng } from './rng.ts';

const root = join(import.meta.dirname, '../..');
const base = join(root, 'examples/quickstart/base');
const corpus = join(root, 'examples/quickstart/corpus.jsonl');
const initial = join(root, 'runs/quickstart-initial');
const output = join(root, 'runs/quickstart-base');

/** Weights ~ N(0, 0.02²), the products that end on the residual stream smaller; norms 1. */
function writeInitialCheckpoint(): void {
  mkdirSync(initial, { recursive: true });
  cpSync(base, initial, { recursive: true, filter: (path) => !path.endsWith('.safetensors') });
  const config = JSON.parse(readFileSync(join(base, 'config.json'), 'utf8'));
  const descriptor = findDescriptor(config);
  const spec = descriptor.spec(config);
  const parameters = [...parameterShapes(spec)];
  const { header } = makeHeader(
    parameters.map(([name, shape]) => ({
      name: tensorName(descriptor, name),
      dtype: 'BF16',
      shape,
    })),
  );
  const random = new Rng(20);
  const values = parameters.map(([name, shape]) => {
    const size = shape.reduce((product, n) => product * n, 1);
    const residual = /\.(o|down)\.weight$/.test(name);
    const deviation = residual ? 0.02 / Math.sqrt(2 * spec.layers) : 0.02;
    const norm = name.endsWith('norm.weight');
    return Uint16Array.from({ length: size }, () =>
      bfloat16(norm ? 1 : deviation * normal(random)),
    );
  });
  writeFileSync(
    join(initial, 'model.safetensors'),
    Buffer.concat([header, ...values.map((array) => Buffer.from(array.buffer))]),
  );
}

function normal(random: Rng): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
  return radius * Math.cos(2 * Math.PI * random.next());
}

function bfloat16(value: number): number {
  const [bits] = new Uint32Array(Float32Array.of(value).buffer);
  return (bits! + 0x7fff + ((bits! >> 16) & 1)) >>> 16;
}

if (!existsSync(corpus)) {
  const script = join(import.meta.dirname, 'corpus.ts');
  execFileSync(process.execPath, ['--import', 'tsx', script, corpus], { stdio: 'inherit' });
}
writeInitialCheckpoint();
const trainer = new SFTTrainer({
  model: initial,
  method: 'full',
  dtype: 'float32',
  trainFile: corpus,
  outputDir: output,
  maxLength: 256,
  perDeviceTrainBatchSize: 16,
  numTrainEpochs: Number(process.argv[2] ?? 4),
  learningRate: 4e-3,
  lrSchedulerType: 'cosine_with_min_lr',
  lrSchedulerKwargs: { min_lr_rate: 0.03 },
  warmupSteps: 60,
  adamBeta2: 0.98,
  weightDecay: 0.1,
  loggingSteps: 100,
  seed: 1,
});
trainer.on('log', (row) => console.log(JSON.stringify(row)));
await trainer.train();
cpSync(join(output, 'model.safetensors'), join(base, 'model.safetensors'));
