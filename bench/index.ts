// `npm run bench -- NAME …`: one benchmark, or all that need nothing beyond this machine.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const tsx = ['--import', 'tsx'];

/** Name → arguments for node, and what it shows. */
const benchmarks: Record<string, { run: string[]; what: string }> = {
  kernels: {
    run: ['scripts/kernels.mjs', '--bench'],
    what: 'each op beside the measured float32 peak and copy bandwidth of this machine',
  },
  data: {
    run: [...tsx, 'bench/data.ts'],
    what: 'packing a million lengths; tokenizing, beside @xenova/transformers',
  },
  curate: {
    run: [...tsx, 'bench/curate.ts'],
    what: 'the verbs of attune data, in MB/s; --python P with datasketch: MinHash beside it',
  },
  gpu: {
    run: [...tsx, 'bench/gpu.ts'],
    what: 'a GPU: ops, adapters and whole training, beside PyTorch where python3 has it',
  },
  memory: {
    run: [...tsx, 'bench/memory.ts'],
    what: 'what a 135M model takes at its peak, beside its plan',
  },
  guards: {
    run: [...tsx, 'bench/guards.ts'],
    what: 'what guards, metrics, isolation and checkpoints cost at the 135M shape',
  },
  pipeline: {
    run: [...tsx, 'bench/pipeline/compare.ts'],
    what: 'reading, tokenizing and starting, beside datasets + tokenizers: needs --python',
  },
  tokenizer: {
    run: [...tsx, 'bench/tokenizer.ts'],
    what: 'both paths beside Hugging Face tokenizers and tiktoken: needs --python',
  },
  train: {
    run: [...tsx, 'bench/train/compare.ts'],
    what: 'a 135M model against TRL: needs --python, an interpreter with torch, trl and peft',
  },
};

const [name, ...rest] = process.argv.slice(2);
const chosen = name === undefined ? ['kernels', 'data'] : [name];
for (const each of chosen) {
  const benchmark = benchmarks[each];
  if (!benchmark) {
    console.error(`bench: no benchmark is called ${each}; there are:`);
    for (const [known, { what }] of Object.entries(benchmarks))
      console.error(`  ${known}: ${what}`);
    process.exit(2);
  }
  const { status } = spawnSync(process.execPath, [...benchmark.run, ...rest], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}
