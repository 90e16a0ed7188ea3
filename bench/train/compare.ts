// attune against TRL + PEFT on one machine, alternately, as medians and ratios.
//
//   node --import tsx bench/train/compare.ts --python .venv/bin/python [--repeats 3] [--steps 6]
//
// 135M Llama shape with random weights, GSM8K packed to 1,024, batch 2, LoRA r 16 on every linear
// layer, bfloat16. Writes bench/results/train-135m.json. Linux only: memory is read from /proc.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { watch } from './watch.ts';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

const { values: given } = parseArgs({
  options: {
    python: { type: 'string' },
    data: { type: 'string', default: join(ROOT, '../shared/data/gsm8k/train.jsonl') },
    work: { type: 'string', default: join(tmpdir(), 'attune-bench') },
    repeats: { type: 'string', default: '3' },
    steps: { type: 'string', default: '6' },
    output: { type: 'string', default: join(ROOT, 'bench/results/train-135m.json') },
    /** Further settings of TRL's side; these were its fastest here. */
    trl: { type: 'string', default: '--adapter-dtype bfloat16 --loss-type nll' },
    /** Further settings of attune's side. */
    attune: { type: 'string', default: '' },
  },
});

interface Measured {
  /** Seconds from the start of the process. */
  startOfStep1: number;
  endOfStep1: number;
  /** Over the steps after the first. */
  tokensPerSecond: number;
  peakMemory: number;
  loss: number[];
}

interface Row {
  loss: number;
  num_tokens: number;
  step_seconds: number;
}

function words(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}

function median(numbers: number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}

/** Question and answer become prompt and completion; `limit` rows, or all. */
function writeRows(path: string, limit?: number): string {
  const lines = readFileSync(given.data, 'utf8').trimEnd().split('\n').slice(0, limit);
  const rows = lines.map((line) => {
    const { question, answer } = JSON.parse(line) as { question: string; answer: string };
    return JSON.stringify({ prompt: question, completion: answer });
  });
  writeFileSync(path, `${rows.join('\n')}\n`);
  return path;
}

function makeModel(): string {
  const model = join(given.work, 'llama-135m');
  if (!existsSync(join(model, 'model.safetensors'))) {
    const script = join(ROOT, 'bench/train/model.mjs');
    execFileSync(process.execPath, [script, 'llama-135m', model], { stdio: 'inherit' });
  }
  return model;
}

async function attune(model: string, data: string, steps: number): Promise<Measured> {
  const output = join(given.work, 'attune-output');
  rmSync(output, { recursive: true, force: true });
  const metrics = join(output, 'metrics.jsonl');
  const settings = {
    model,
    'train-file': data,
    'output-dir': output,
    'max-steps': steps,
    'max-length': 1024,
    packing: 'bfd',
    'per-device-train-batch-size': 2,
    'lora-r': 16,
    'lora-alpha': 32,
    'learning-rate': 2e-4,
    dtype: 'bfloat16',
    'train-sampling-strategy': 'sequential',
    'logging-steps': 1,
  };
  const flags = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)]);
  const command = [process.execPath, join(ROOT, 'dist/cli.js'), 'train', ...flags];
  const seen = await watch([...command, ...words(given.attune)], metrics);
  const rows = readFileSync(metrics, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
  const later = rows.slice(1).map((row) => row.step_seconds);
  return {
    startOfStep1: seen.firstLine! - rows[0]!.step_seconds,
    endOfStep1: seen.firstLine!,
    tokensPerSecond: (rows.at(-1)!.num_tokens - rows[0]!.num_tokens) / sum(later),
    peakMemory: seen.peakMemory,
    loss: rows.map((row) => row.loss),
  };
}

interface TrlReport {
  versions: Record<string, string>;
  settings: Record<string, unknown>;
  start_of_step_1: number;
  end_of_step_1: number;
  tokens_per_second: number;
  peak_memory: number;
  loss: number[];
}

async function trl(
  model: string,
  data: string,
  steps: number,
): Promise<Measured & { report: TrlReport }> {
  const command = [
    given.python!,
    join(ROOT, 'bench/peers/trl_sft.py'),
    ...['--model', model, '--data', data, '--steps', String(steps)],
    ...['--output', join(given.work, 'trl-output'), '--cache', join(given.work, 'cache')],
    ...words(given.trl),
  ];
  const seen = await watch(command, null);
  const report = JSON.parse(seen.stdout.trimEnd().split('\n').at(-1)!) as TrlReport;
  return {
    startOfStep1: report.start_of_step_1,
    endOfStep1: report.end_of_step_1,
    tokensPerSecond: report.tokens_per_second,
    peakMemory: Math.max(report.peak_memory, seen.peakMemory),
    loss: report.loss,
    report,
  };
}

function medians(runs: Measured[]) {
  const of = (key: 'startOfStep1' | 'endOfStep1' | 'tokensPerSecond' | 'peakMemory') =>
    median(runs.map((run) => run[key]));
  return {
    startOfStep1: of('startOfStep1'),
    endOfStep1: of('endOfStep1'),
    tokensPerSecond: of('tokensPerSecond'),
    peakMemory: of('peakMemory'),
  };
}

function git(...args: string[]): string {
  return execFileSync('git', ['-C', ROOT, ...args], { encoding: 'utf8' }).trim();
}

async function main(): Promise<void> {
  if (!given.python) throw new Error('--python: an interpreter with torch, trl and peft');
  mkdirSync(given.work, { recursive: true });
  const model = makeModel();
  const data = writeRows(join(given.work, 'gsm8k.jsonl'));
  const steps = Number(given.steps);
  const load = loadavg()[0]!;

  // TRL packs blocks of 1,000 rows, so that many are packed alike by both.
  const block = writeRows(join(given.work, 'gsm8k-1000.jsonl'), 1000);
  const ours = (await attune(model, block, 1)).loss[0]!;
  const theirs = (await trl(model, block, 1)).loss[0]!;
  console.log(`first loss, same packed rows: attune ${ours}, TRL ${theirs}`);

  const runs: { attune: Measured[]; trl: Measured[] } = { attune: [], trl: [] };
  let report: TrlReport | undefined;
  for (let repeat = 0; repeat < Number(given.repeats); repeat++) {
    runs.attune.push(await attune(model, data, steps));
    const { report: latest, ...measured } = await trl(model, data, steps);
    runs.trl.push(measured);
    report = latest;
    console.log(`repeat ${repeat + 1}`, runs.attune.at(-1), measured);
  }
  const a = medians(runs.attune);
  const t = medians(runs.trl);
  const result = {
    command: `node --import tsx bench/train/compare.ts ${process.argv.slice(2).join(' ')}`.replace(
      given.python,
      'PYTHON',
    ),
    commit: git('describe', '--always', '--dirty'),
    machine: {
      cpu: cpus()[0]!.model,
      cores: cpus().length,
      memory: totalmem(),
      loadBefore: load,
    },
    versions: { node: process.versions.node, ...report!.versions },
    trlSettings: report!.settings,
    firstLoss: { attune: ours, trl: theirs },
    medians: { attune: a, trl: t },
    ratios: {
      tokensPerSecond: a.tokensPerSecond / t.tokensPerSecond,
      peakMemory: a.peakMemory / t.peakMemory,
      startOfStep1: a.startOfStep1 / t.startOfStep1,
      endOfStep1: a.endOfStep1 / t.endOfStep1,
    },
    runs,
  };
  console.log(result.medians, result.ratios);
  mkdirSync(dirname(given.output), { recursive: true });
  writeFileSync(given.output, `${JSON.stringify(result, null, 2)}\n`);
}

await main();
