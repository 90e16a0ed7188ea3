/**
 * A number that is not finite reaches no weight, no moment and no checkpoint. In native code: NaN and
 * both infinities in everything that a step writes, forward and backward, for each architecture, dtype
 * and method. In runs: the same in each tensor of a model that is trained.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readHeader } from '../src/checkpoint/safetensors.ts';
import type { TrainOptions } from '../src/index.ts';
import { built, main, type ProofOptions, ROOT, type Verdict, workspace } from './lib/proof.ts';
import { writeRows, writeTinyModel } from './lib/tiny.ts';

const VALUES = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

/** Cases of the native test that passed, or what it said. */
function native(): { passed: number; problem: string | null } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['scripts/kernels.mjs', 'nonfinite'],
    { cwd: ROOT, encoding: 'utf8', env: { ...process.env, ATTUNE_EVERY: '1' } },
  );
  const [, passed] = /^(\d+) passed, 0 failed/m.exec(stdout) ?? [];
  const ok = status === 0 && Number(passed) > 0;
  return { passed: Number(passed ?? 0), problem: ok ? null : (stdout + stderr).slice(-500) };
}

/** Numbers of a file of tensors that are not finite. */
async function notFinite(path: string): Promise<number> {
  const bytes = readFileSync(path);
  let count = 0;
  for (const { dtype, offset, bytes: length } of await readHeader(path)) {
    const width = dtype === 'F32' ? 4 : 2;
    for (let at = offset; at < offset + length; at += width) {
      const exponent = width === 4 ? bytes.readUInt32LE(at) >>> 16 : bytes.readUInt16LE(at);
      if ((exponent & 0x7f80) === 0x7f80) count++;
    }
  }
  return count;
}

/** Files of tensors below a folder. */
const tensorFiles = (dir: string): string[] =>
  readdirSync(dir, { recursive: true })
    .map((name) => join(dir, String(name)))
    .filter((path) => path.endsWith('.safetensors') && statSync(path).isFile());

export async function proveNan({ trials, short }: ProofOptions): Promise<Verdict> {
  const { SFTTrainer, AttuneError } = await built<typeof import('../src/index.ts')>('index.js');
  const dir = workspace();
  const model = writeTinyModel(join(dir, 'model'), 'F32');
  const trainFile = writeRows(join(dir, 'rows.jsonl'), 40);
  const weights = join(model, 'model.safetensors');
  const sound = readFileSync(weights);
  const tensors = await readHeader(weights);
  const all = tensors
    .flatMap((tensor) => VALUES.map((value) => ({ tensor, value })))
    .flatMap((each) => (['full', 'lora'] as const).map((method) => ({ ...each, method })));
  // Fewer of them lie as far apart as they can.
  const count = Math.min(trials, all.length);
  const cases = Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]!);
  let [stopped, harmless, files] = [0, 0, 0];
  const failures: string[] = [];
  for (const [i, { tensor, value, method }] of cases.entries()) {
    const spoilt = Buffer.from(sound);
    // In the middle: a token's row of the embedding, one that rows have.
    const middle = tensor.offset + 4 * Math.floor(tensor.bytes / 8);
    const row = tensor.name.includes('embed') ? tensor.offset + 4 * 24 * 'a'.charCodeAt(0) : middle;
    spoilt.writeFloatLE(value, row);
    writeFileSync(weights, spoilt);
    const outputDir = join(dir, `run-${i}`);
    const options: TrainOptions = {
      model,
      trainFile,
      outputDir,
      method,
      dtype: i % 4 < 2 ? 'float32' : 'bfloat16',
      device: 'cpu',
      maxLength: 64,
      perDeviceTrainBatchSize: 4,
      maxSteps: 4,
      saveSteps: 1,
    };
    const error = await new SFTTrainer(options).train().then(
      () => null,
      (caught: unknown) => caught,
    );
    const label = `${value} in ${tensor.name}, ${method}`;
    if (error === null) harmless++;
    else if (error instanceof AttuneError && error.code === 'non_finite') stopped++;
    else failures.push(`${label}: ${(error as Error).message}`);
    for (const path of tensorFiles(outputDir)) {
      files++;
      // A full result holds the tensor as it was given, where nothing depends on it.
      const bad = await notFinite(path);
      if (bad > 0) failures.push(`${label}: ${path} holds ${bad}`);
    }
    if (!existsSync(join(outputDir, 'metrics.jsonl'))) failures.push(`${label}: no metrics`);
  }
  // Those of the short form are a test of native code.
  const { passed, problem } = short ? { passed: 0, problem: null } : native();
  if (problem) failures.push(problem);
  for (const failure of failures.slice(0, 5)) console.error(failure);
  return {
    holds: failures.length === 0 && stopped > 0,
    line: `${passed} native cases with every write of a step spoilt; ${cases.length} runs with a spoilt tensor, of which ${stopped} ended with non_finite and ${harmless} met no rows of it; ${files} files of tensors, none with a number that is not finite`,
  };
}

await main(import.meta.url, 1000, proveNan);
