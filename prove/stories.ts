/**
 * The mathematics is that of others: on stories260K, a real pretrained model, 200 greedy tokens as
 * text, logits and losses of its float64 goldens, and 50 steps of fine-tuning, full and LoRA, as in
 * PyTorch; on every golden model the gradients of a first step, against PyTorch's in float64.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { camelCase } from '../src/config/spelling.ts';
import type { TrainOptions } from '../src/index.ts';
import { openModel, startEngine } from '../src/train/model.ts';
import { GOLDEN, makeBatch, openGolden, readGolden, worstGradient } from '../test/e2e/goldens.ts';
import { readNpz } from '../test/e2e/npz.ts';
import { STORIES, writeGsm8k } from '../test/e2e/shared.ts';
import { built, main, type ProofOptions, type Verdict, workspace } from './lib/proof.ts';

type Library = typeof import('../src/index.ts');

/** Largest that each figure may be. */
const BOUNDS = { 'logits, absolute': 1e-4, 'nll, absolute': 1e-5 } as const;
const LOSS = 5e-6;
const GRADIENT = 1e-5;

/** Nats of token t + 1 under row t of logits, in float64. */
function nll(logits: ArrayLike<number>, ids: ArrayLike<number>): number[] {
  const size = logits.length / ids.length;
  return Array.from({ length: ids.length - 1 }, (_, t) => {
    const row = Array.from({ length: size }, (_, j) => logits[t * size + j]!);
    const most = Math.max(...row);
    const total = row.reduce((sum, value) => sum + Math.exp(value - most), 0);
    return most + Math.log(total) - row[ids[t + 1]!]!;
  });
}

const apart = (ours: ArrayLike<number>, theirs: ArrayLike<number>): number =>
  ours.length === theirs.length
    ? Math.max(...Array.from(theirs, (value, i) => Math.abs(value - ours[i]!)))
    : Number.POSITIVE_INFINITY;

/** What differs most from the float64 goldens of the model. */
async function forward(): Promise<Record<keyof typeof BOUNDS, number>> {
  const golden = readNpz(join(STORIES, 'golden_fp64.npz'));
  const ids = Int32Array.from(golden.get('ids')!.data);
  const expected = golden.get('logits')!.data;
  const request = { method: 'none', dtype: 'float32', maxTokens: 512, maxLength: 512 } as const;
  const { engine, loaded } = startEngine(await openModel(STORIES), request);
  await loaded;
  const logits = await engine.logits(ids);
  const losses = await engine.tokenLosses(makeBatch([{ ids, labels: ids }]));
  engine.dispose();
  return {
    'logits, absolute': apart(logits, expected),
    'nll, absolute': apart(losses, nll(expected, ids)),
  };
}

/** Largest difference of the losses of fifty steps. */
async function parity(library: Library, method: 'full' | 'lora', dir: string): Promise<number> {
  const { config, runs } = JSON.parse(readFileSync(join(GOLDEN, 'parity.json'), 'utf8'));
  const { data: _, ...settings } = config as Record<string, unknown>;
  const options = Object.entries({
    ...settings,
    model: STORIES,
    adapter: method === 'lora' ? join(GOLDEN, 'adapters/stories260K') : undefined,
    method,
    train_file: join(dir, 'gsm8k.jsonl'),
    output_dir: join(dir, method),
    save_strategy: 'no',
  }).map(([key, value]) => [camelCase(key), value]);
  const trainer = new library.SFTTrainer(Object.fromEntries(options) as TrainOptions);
  const losses: number[] = [];
  for await (const { loss } of trainer.steps()) losses.push(loss);
  return apart(losses, runs[method].float32.loss);
}

export async function proveStories({ short }: ProofOptions): Promise<Verdict> {
  if (!existsSync(STORIES)) return { line: 'SKIPPED 1: ../shared is absent', holds: true };
  const library = await built<Library>('index.js');
  const failures: string[] = [];
  const told: string[] = [];
  const judge = (what: string, found: number, bound: number) => {
    told.push(`${what} ${found.toExponential(1)}`);
    if (!(found <= bound)) failures.push(`${what}: ${found}, at most ${bound}`);
  };
  const golden = JSON.parse(readFileSync(join(STORIES, 'golden_greedy.json'), 'utf8'));
  const { promptIds, ids, text } = await library.generate({
    model: STORIES,
    prompt: '',
    maxNewTokens: golden.ids.length - golden.prompt_ids.length,
    dtype: 'float32',
  });
  const isSame = [...promptIds, ...ids].join() === golden.ids.join() && text === golden.text;
  told.push(`${ids.length} greedy tokens ${isSame ? 'equal' : 'differ'}`);
  if (!isSame) failures.push('greedy text differs');
  for (const [what, found] of Object.entries(await forward())) {
    judge(what, found, BOUNDS[what as keyof typeof BOUNDS]);
  }
  for (const name of ['llama', 'llama3', 'opt', 'opt350']) {
    const { documents, tensors } = await readGolden(name);
    const { model, engine } = await openGolden(name, {});
    await engine.accumulate(makeBatch(documents));
    const { distance } = await worstGradient(engine, model, tensors, 'nll');
    judge(`gradients of ${name}`, distance, GRADIENT);
    engine.dispose();
  }
  if (!short) {
    const dir = workspace();
    writeGsm8k(join(dir, 'gsm8k.jsonl'), 'train', 600);
    for (const method of ['full', 'lora'] as const) {
      judge(`losses of 50 steps, ${method}`, await parity(library, method, dir), LOSS);
    }
  }
  for (const failure of failures) console.error(failure);
  return { holds: failures.length === 0, line: told.join('; ') };
}

await main(import.meta.url, 1, proveStories);
