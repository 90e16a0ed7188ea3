// The memory plan of a run beside what the process takes at its peak (VmHWM). Linux only.
//
//   node --import tsx bench/memory.ts --data gsm8k/train.jsonl [--output FILE]
//
// 135M Llama shape with random weights, bfloat16, packed to 1,024, batch 2. Writes
// bench/results/memory-135m.json.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { watch } from './train/watch.ts';

const ROOT = resolve(import.meta.dirname, '..');

const { values: given } = parseArgs({
  options: {
    data: { type: 'string', default: join(ROOT, '../shared/data/gsm8k/train.jsonl') },
    work: { type: 'string', default: join(tmpdir(), 'attune-bench') },
    output: { type: 'string', default: join(ROOT, 'bench/results/memory-135m.json') },
  },
});

/** `rows` questions and answers; of all where it is not given. */
function writeRows(name: string, rows?: number): string {
  const lines = readFileSync(given.data, 'utf8').trimEnd().split('\n').slice(0, rows);
  const path = join(given.work, name);
  const text = lines.map((line) => {
    const { question, answer } = JSON.parse(line) as { question: string; answer: string };
    return `${JSON.stringify({ prompt: question, completion: answer })}\n`;
  });
  writeFileSync(path, text.join(''));
  return path;
}

function makeModel(): string {
  const model = join(given.work, 'llama-135m');
  const script = join(ROOT, 'bench/train/model.mjs');
  if (!existsSync(join(model, 'model.safetensors')))
    execFileSync(process.execPath, [script, 'llama-135m', model], { stdio: 'inherit' });
  return model;
}

interface Memory {
  plan: Record<string, number>;
  peak: number;
  peakOverPlan: number;
}

async function measure(model: string, flags: string[]): Promise<Memory> {
  const output = join(given.work, 'memory-output');
  rmSync(output, { recursive: true, force: true });
  const fixed = ['--model', model, '--output-dir', output, '--dtype', 'bfloat16'];
  const shape = ['--packing', 'bfd', '--per-device-train-batch-size', '2', '--max-length', '1024'];
  const words = [join(ROOT, 'dist/cli.js'), 'train', ...fixed, ...shape, ...flags];
  const { peakMemory: peak } = await watch([process.execPath, ...words], null);
  const { plan } = JSON.parse(readFileSync(join(output, 'run.json'), 'utf8')) as {
    plan: { memory: Record<string, number> };
  };
  return { plan: plan.memory, peak, peakOverPlan: peak / plan.memory.total! };
}

mkdirSync(given.work, { recursive: true });
const model = makeModel();
const few = ['--train-file', writeRows('few.jsonl', 60), '--num-train-epochs', '1'];
const stream = ['--train-file', writeRows('all.jsonl'), '--max-steps', '3'];
const runs: Record<string, string[]> = {
  lora: [...few, '--lora-r', '16'],
  full: [...few, '--method', 'full'],
  // Rows are still being tokenized as the plan is printed.
  'lora, three steps of many rows': [...stream, '--lora-r', '16'],
};
const measured: Record<string, Memory> = {};
for (const [name, flags] of Object.entries(runs)) {
  const found = await measure(model, flags);
  measured[name] = found;
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  console.log(
    `${name}: planned ${mb(found.plan.total!)}, at its peak ${mb(found.peak)}, ${found.peakOverPlan.toFixed(3)} of the plan`,
  );
}
const result = {
  command: 'npm run bench -- memory',
  machine: { cpu: cpus()[0]!.model, threads: availableParallelism() },
  node: process.versions.node,
  runs: measured,
};
mkdirSync(dirname(given.output), { recursive: true });
writeFileSync(given.output, `${JSON.stringify(result, null, 2)}\n`);
