/**
 * How a step is cut into micro-batches does not matter: every pair of batch size and accumulation
 * whose product is 64 gives the losses of the others, over rows of very different lengths.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TrainOptions } from '../src/index.ts';
import { built, main, type ProofOptions, random, type Verdict, workspace } from './lib/proof.ts';
import { writeTinyModel } from './lib/tiny.ts';

const PRODUCT = 64;
const TOLERANCE = 2e-6;

export async function proveAccumulation({ trials: steps, seed }: ProofOptions): Promise<Verdict> {
  const { SFTTrainer } = await built<typeof import('../src/index.ts')>('index.js');
  const dir = workspace();
  const model = writeTinyModel(join(dir, 'model'), 'F32');
  const trainFile = join(dir, 'rows.jsonl');
  const next = random(seed);
  const rows = Array.from({ length: PRODUCT * steps }, () => {
    // From two characters to two hundred, short ones far more often.
    const length = 2 + Math.floor(100 ** next() * 2);
    return JSON.stringify({
      text: Array.from({ length }, () => 'abcdefgh '[Math.floor(9 * next())]).join(''),
    });
  });
  writeFileSync(trainFile, rows.join('\n'));
  const pairs = Array.from({ length: 7 }, (_, i) => [2 ** i, PRODUCT / 2 ** i] as const);
  const losses = async (method: 'full' | 'lora', batch: number, accumulation: number) => {
    const options: TrainOptions = {
      model,
      trainFile,
      outputDir: join(dir, `${method}-${batch}`),
      method,
      dtype: 'float32',
      device: 'cpu',
      maxLength: 64,
      learningRate: 1e-3,
      perDeviceTrainBatchSize: batch,
      gradientAccumulationSteps: accumulation,
      numTrainEpochs: 1,
      saveStrategy: 'no',
    };
    const seen: number[] = [];
    for await (const { loss } of new SFTTrainer(options).steps()) seen.push(loss);
    return seen;
  };
  let worst = 0;
  let count = 0;
  for (const method of ['full', 'lora'] as const) {
    const runs: number[][] = [];
    for (const [batch, accumulation] of pairs) {
      runs.push(await losses(method, batch, accumulation));
    }
    const [first, ...others] = runs;
    if (first!.length !== steps || first!.at(-1)! >= first![0]!) {
      return { holds: false, line: `${method}: ${first!.length} steps that learn nothing` };
    }
    for (const run of others) {
      count++;
      run.forEach((loss, i) => {
        worst = Math.max(worst, Math.abs(loss - first![i]!));
      });
    }
  }
  return {
    holds: worst <= TOLERANCE,
    line: `all ${pairs.length} pairs of factors of ${PRODUCT}, full and LoRA, over ${steps} steps of ragged rows: losses of ${count} comparisons differ by at most ${worst.toExponential(1)} (bound ${TOLERANCE})`,
  };
}

await main(import.meta.url, 50, proveAccumulation);
