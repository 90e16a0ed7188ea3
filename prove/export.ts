/**
 * What is exported loads elsewhere: a full result, an adapter and a merged model. Each is loaded and
 * saved again, byte for byte the same (a step at rate 0 changes nothing); the merged model computes what
 * base and adapter do; no tensor is empty. With ATTUNE_PYTHON, a Python that has transformers and PEFT,
 * these read all of them and compute the same logits.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readHeader } from '../src/checkpoint/safetensors.ts';
import type { TrainOptions } from '../src/index.ts';
import { openModel, startEngine } from '../src/train/model.ts';
import { distance } from '../test/e2e/goldens.ts';
import { STORIES } from '../test/e2e/shared.ts';
import { built, main, type ProofOptions, ROOT, type Verdict, workspace } from './lib/proof.ts';
import { writeRows, writeTinyModel } from './lib/tiny.ts';

/** Of logits, relative to the largest. */
const APART = 1e-5;
const IDS = Int32Array.from({ length: 40 }, (_, i) => 3 + ((i * 37) % 250));

interface Case {
  name: string;
  model: string;
  dtype: 'float32' | 'bfloat16';
}

async function logitsOf(model: string, adapter: string | null = null): Promise<Float32Array> {
  const request = { method: 'none', dtype: 'float32', maxTokens: 64, maxLength: 64 } as const;
  const { engine, loaded } = startEngine(await openModel(model, adapter), request);
  await loaded;
  const logits = await engine.logits(IDS);
  engine.dispose();
  return logits;
}

/** Reads an export by the script of that name; relative difference of its logits. */
function readBack(python: string, dir: string, words: string[], logits: Float32Array): number {
  const [ids, values] = [join(dir, 'ids.json'), join(dir, 'logits.f32')];
  writeFileSync(ids, JSON.stringify([...IDS]));
  writeFileSync(values, logits);
  const scale = logits.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const [script, ...flags] = words;
  const { status, stdout, stderr } = spawnSync(
    python,
    [
      join(ROOT, 'scripts/golden', script!),
      ...[...flags, '--ids', ids, '--logits', values, '--tolerance', String(APART * scale)],
    ],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stdout}${stderr.slice(-500)}`);
  return JSON.parse(stdout).max_abs_difference / scale;
}

export async function proveExport({ short }: ProofOptions): Promise<Verdict> {
  const { SFTTrainer, mergeAdapter } = await built<typeof import('../src/index.ts')>('index.js');
  const dir = workspace();
  const trainFile = writeRows(join(dir, 'rows.jsonl'), 40);
  const cases: Case[] = [
    { name: 'F32', model: writeTinyModel(join(dir, 'f32'), 'F32'), dtype: 'float32' },
    { name: 'BF16', model: writeTinyModel(join(dir, 'bf16'), 'BF16'), dtype: 'bfloat16' },
  ];
  if (!short && existsSync(STORIES)) {
    cases.push({ name: 'stories260K', model: STORIES, dtype: 'float32' });
  }
  const python = short ? undefined : process.env.ATTUNE_PYTHON;
  const failures: string[] = [];
  let [same, tensors, merged, elsewhere, read] = [0, 0, 0, 0, 0];
  for (const { name, model, dtype } of cases) {
    const train = async (label: string, changes: Partial<TrainOptions>): Promise<string> => {
      const outputDir = join(dir, `${name}-${label}`);
      await new SFTTrainer({
        model,
        trainFile,
        outputDir,
        dtype,
        device: 'cpu',
        maxLength: 64,
        learningRate: 1e-3,
        perDeviceTrainBatchSize: 4,
        maxSteps: 4,
        saveStrategy: 'no',
        ...changes,
      } as TrainOptions).train();
      return outputDir;
    };
    const still = { learningRate: 0, maxSteps: 1 };
    const compare = async (what: string, first: string, second: string, file: string) => {
      const [a, b] = [first, second].map((each) => readFileSync(join(each, file)));
      if (a!.equals(b!)) same++;
      else failures.push(`${name}: ${what} saved again has another ${file}`);
      for (const tensor of await readHeader(join(first, file))) {
        tensors++;
        if (tensor.bytes === 0) failures.push(`${name}: ${what}: ${tensor.name} is empty`);
      }
    };
    const full = await train('full', { method: 'full' });
    const fullAgain = await train('full-again', { ...still, model: full, method: 'full' });
    await compare('the full result', full, fullAgain, 'model.safetensors');
    const lora = await train('lora', { method: 'lora', loraR: 4 });
    const loraAgain = await train('lora-again', { ...still, method: 'lora', adapter: lora });
    await compare('the adapter', lora, loraAgain, 'adapter_model.safetensors');
    const whole = join(dir, `${name}-merged`);
    await mergeAdapter({ model, adapter: lora, outputDir: whole });
    const wholeAgain = await train('merged-again', { ...still, model: whole, method: 'full' });
    await compare('the merged model', whole, wholeAgain, 'model.safetensors');
    if (dtype !== 'float32') continue;

    const base = await logitsOf(model);
    const adapted = await logitsOf(model, lora);
    const mergedLogits = await logitsOf(whole);
    merged = Math.max(merged, distance(mergedLogits, adapted));
    // Training has moved them, so that a file which is the base again would be noticed.
    const moved = Math.min(
      ...[adapted, await logitsOf(full)].map((logits) => distance(logits, base)),
    );
    if (moved < 1e-3) failures.push(`${name}: training has changed nothing`);
    if (!python) continue;
    const checks: [string[], Float32Array][] = [
      [['transformers_check.py', '--checkpoint', full], await logitsOf(full)],
      [['transformers_check.py', '--checkpoint', whole], mergedLogits],
      [['peft_check.py', '--base', model, '--adapter', lora], adapted],
    ];
    for (const [words, logits] of checks) {
      try {
        elsewhere = Math.max(elsewhere, readBack(python, dir, words, logits));
        read++;
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
  }
  if (merged > APART) failures.push(`merged and adapted differ by ${merged}`);
  for (const failure of failures) console.error(failure);
  const others = python
    ? `${read} read by transformers and PEFT, logits within ${elsewhere.toExponential(1)} of the largest`
    : 'SKIPPED: not read by transformers and PEFT, ATTUNE_PYTHON is not set';
  return {
    holds: failures.length === 0 && same === 3 * cases.length,
    line: `${same} of ${3 * cases.length} exports (full, adapter, merged; ${cases.map(({ name }) => name).join(', ')}) saved again to the same bytes; ${tensors} tensors, none empty; merged within ${merged.toExponential(1)} of base and adapter; ${others}`,
  };
}

await main(import.meta.url, 1, proveExport);
