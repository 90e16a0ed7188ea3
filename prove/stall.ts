/**
 * Saving costs less than 1 % of training at the 135M shape. Within one run, steps with a checkpoint
 * on its way are timed against steps without; what they take more is spread over the default interval
 * of save_steps 500. Needs ../shared/tokenizers/gpt2.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TrainOptions } from '../src/index.ts';
import {
  built,
  main,
  type ProofOptions,
  ROOT,
  random,
  type Verdict,
  workspace,
} from './lib/proof.ts';

type Attune = typeof import('../src/index.ts');
const INTERVAL = 500;
const LIMIT = 0.01;
/** Steps between two checkpoints here; more than one save takes. */
const SAVE_STEPS = 8;
const LENGTH = 512;

export interface Cost {
  /** Seconds of a step in which nothing is saved, and that a save adds to the run. */
  step: number;
  save: number;
  bytes: number;
}

const middle = (times: readonly number[]) =>
  times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;

/** What a save adds to a run. */
export async function saveCost(
  options: TrainOptions & { outputDir: string },
  saves: number,
): Promise<Cost> {
  const { SFTTrainer } = await built<Attune>('index.js');
  const trainer = new SFTTrainer({ ...options, saveSteps: SAVE_STEPS, maxSteps: 1e6 });
  let published = 0;
  trainer.on('checkpoint', () => published++);
  const quiet: number[] = [];
  const loud: number[] = [];
  let ended = performance.now();
  let before = 0;
  let begun = 0;
  for await (const { step } of trainer.steps()) {
    const seconds = (performance.now() - ended) / 1000;
    ended = performance.now();
    begun = Math.floor(step / SAVE_STEPS);
    // A save was under way at the step's end, or at its beginning. The first steps touch their
    // memory for the first time.
    const saving = begun > published || Math.floor((step - 1) / SAVE_STEPS) > before;
    if (step > 2) (saving ? loud : quiet).push(seconds);
    before = published;
    // Where steps are short another save may have begun by then.
    if (published >= saves && step % SAVE_STEPS === SAVE_STEPS - 1) break;
  }
  const plain = middle(quiet);
  const extra = loud.reduce((sum, seconds) => sum + seconds - plain, 0);
  const last = join(
    options.outputDir,
    readdirSync(options.outputDir).find((name) => name.startsWith('checkpoint-'))!,
  );
  const bytes = readdirSync(last).reduce((sum, name) => sum + statSync(join(last, name)).size, 0);
  rmSync(options.outputDir, { recursive: true, force: true });
  return { step: plain, save: extra / begun, bytes };
}

export async function proveStall({ trials, seed }: ProofOptions): Promise<Verdict> {
  const tokenizer = join(ROOT, '../shared/tokenizers/gpt2');
  if (!existsSync(tokenizer)) {
    return { line: 'SKIPPED 1: stall: ../shared/tokenizers/gpt2 is absent', holds: true };
  }
  const dir = workspace();
  const model = join(dir, 'model');
  const script = join(ROOT, 'bench/train/model.mjs');
  execFileSync(process.execPath, [script, 'llama-135m', model, '--tokenizer', tokenizer]);
  const next = random(seed);
  const row = () => {
    const ids = Array.from({ length: LENGTH }, () => Math.floor(50_000 * next()));
    return JSON.stringify({ input_ids: ids, labels: ids });
  };
  const trainFile = join(dir, 'rows.jsonl');
  writeFileSync(trainFile, `${Array.from({ length: 64 }, row).join('\n')}\n`);
  const shares: number[] = [];
  const lines: string[] = [];
  for (const method of ['lora', 'full'] as const) {
    const outputDir = join(dir, method);
    const given = { model, trainFile, outputDir, method, maxLength: LENGTH, saveTotalLimit: 1 };
    const { step, save, bytes } = await saveCost({ ...given, perDeviceTrainBatchSize: 1 }, trials);
    const share = save / (INTERVAL * step);
    shares.push(share);
    lines.push(
      `${method}: a save of ${Math.round(bytes / 1e6)} MB adds ${save.toFixed(2)} s to steps of ` +
        `${step.toFixed(2)} s (${LENGTH} tokens), ${(100 * share).toFixed(3)} % of ${INTERVAL} steps`,
    );
  }
  return { line: `stall: ${lines.join('; ')}`, holds: Math.max(...shares) < LIMIT };
}

await main(import.meta.url, 5, proveStall);
