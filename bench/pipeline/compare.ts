// The data pipeline against datasets + tokenizers on one machine, in turn, as ratios.
//
//   npm run build:ts && npm run bench -- pipeline --python .venv/bin/python [--megabytes 50] [--gigabytes 1]
//
// Conversations of the shared files, numbered, as JSON Lines; GPT-2's tokenizer; ChatML with the
// assistant's turns marked. First the ids and labels of both sides are compared, then: tokenizing all
// rows by the number of threads; the time and memory to the first batch of a large file, whole and
// streamed; a second start; how long training at the 135M shape waits for data. Runs what dist/ holds.
// Writes bench/results/pipeline.json. Linux only: memory is read from /proc.

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeCorpus } from './corpus.ts';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

const { values: given } = parseArgs({
  options: {
    python: { type: 'string' },
    shared: { type: 'string', default: join(ROOT, '../shared') },
    work: { type: 'string', default: join(tmpdir(), 'attune-bench') },
    megabytes: { type: 'string', default: '50' },
    gigabytes: { type: 'string', default: '1' },
    repeats: { type: 'string', default: '3' },
    /** Steps of the run that measures waiting; 0: it is left out. */
    steps: { type: 'string', default: '12' },
    output: { type: 'string', default: join(ROOT, 'bench/results/pipeline.json') },
  },
});

const TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}" +
  "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + '<|im_end|>\\n' }}" +
  "{% endgeneration %}{% else %}{{ message['content'] + '<|im_end|>\\n' }}{% endif %}{% endfor %}";
const HASHED = 2000;

interface Read {
  /** Seconds from the start of the process. */
  marks: { loaded: number; opened: number; accounted: number; first: number; closed: number };
  /** Rows that an earlier run had left. */
  found: number;
  memory: number;
  accounting: { read: number; tokens: number; trainedTokens: number } | null;
  hash: string | null;
  /** Seconds of all threads. */
  cpu: number;
}

interface Mapped {
  versions: Record<string, string>;
  seconds: { import: number; load: number; map: number };
  rows: number;
  tokens: number;
  trained: number;
  hash: string;
}

const cache = join(given.work, 'pipeline-cache');
const tokenizer = join(given.work, 'gpt2');
const template = join(given.work, 'template.jinja');
const repeats = Number(given.repeats);

function json<T>(program: string, words: string[]): T {
  const env = { ...process.env, ATTUNE_CACHE: join(cache, 'attune') };
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
  const output = execFileSync(program, words, { encoding: 'utf8', env, stdio, maxBuffer: 1 << 28 });
  return JSON.parse(output.trimEnd().split('\n').at(-1)!) as T;
}

function read(file: string, until: 'first' | 'all' | number, more: object): Read {
  const options = {
    files: [file],
    tokenizerDir: tokenizer,
    chatTemplate: TEMPLATE,
    until,
    ...more,
  };
  return json(process.execPath, [join(ROOT, 'bench/pipeline/read.mjs'), JSON.stringify(options)]);
}

function mapped(file: string, processes: number, fresh: boolean): Mapped {
  const directory = join(cache, 'datasets');
  if (fresh) rmSync(directory, { recursive: true, force: true });
  return json(given.python!, [
    join(ROOT, 'bench/peers/datasets_map.py'),
    ...['--data', file, '--tokenizer', tokenizer, '--template', template],
    ...['--processes', String(processes), '--cache', directory, '--hash-rows', String(HASHED)],
  ]);
}

function best<T>(run: () => T, seconds: (result: T) => number): T {
  const runs = Array.from({ length: repeats }, run);
  return runs.reduce((a, b) => (seconds(b) < seconds(a) ? b : a));
}

/** Threads or processes 1 and 2, ours and theirs in turn; best of the repeats. */
function throughput(file: string) {
  const megabytes = statSync(file).size / 1e6;
  const rates = (seconds: number, rows: number, tokens: number) => ({
    seconds,
    rowsPerSecond: rows / seconds,
    megabytesPerSecond: megabytes / seconds,
    tokensPerSecond: tokens / seconds,
  });
  const tokenizing = ({ marks }: Read) => marks.accounted - marks.loaded;
  return [1, 2].map((workers) => {
    const ours = best(() => read(file, 'all', { workers }), tokenizing);
    const theirs = best(
      () => mapped(file, workers, true),
      ({ seconds }) => seconds.load + seconds.map,
    );
    const { read: rows, tokens } = ours.accounting!;
    const their = theirs.seconds.load + theirs.seconds.map;
    const row = {
      workers,
      attune: { ...rates(tokenizing(ours), rows, tokens), cpuSeconds: ours.cpu },
      datasets: { ...rates(their, theirs.rows, theirs.tokens), ...theirs.seconds },
      ratio: their / tokenizing(ours),
    };
    console.log(JSON.stringify(row));
    return row;
  });
}

/** To the first batch of a large file where steps decide, and to the second start of a small one. */
function starts(large: string, small: string) {
  const summary = ({ marks, memory, found, cpu }: Read) => ({
    firstBatch: marks.first,
    memory,
    found,
    cpu,
  });
  const cold = (more: object) =>
    summary(
      best(
        () => read(large, 'first', more),
        (r) => r.marks.first,
      ),
    );
  rmSync(join(cache, 'attune'), { recursive: true, force: true });
  const found = {
    large: {
      bytes: statSync(large).size,
      whole: cold({ workers: 1 }),
      twoWorkers: cold({ workers: 2 }),
    },
    stream: cold({ workers: 1, streaming: true }),
    firstRun: summary(read(small, 'all', { workers: 2, cache: true })),
    secondRun: summary(
      best(
        () => read(small, 'all', { workers: 2, cache: true }),
        (r) => r.marks.first,
      ),
    ),
  };
  console.log(JSON.stringify(found));
  return found;
}

function waiting(file: string) {
  const model = join(given.work, 'llama-135m');
  if (!existsSync(join(model, 'model.safetensors'))) {
    const script = join(ROOT, 'bench/train/model.mjs');
    execFileSync(process.execPath, [script, 'llama-135m', model], { stdio: 'inherit' });
  }
  const options = {
    model,
    trainFile: file,
    outputDir: join(given.work, 'pipeline-output'),
    maxSteps: Number(given.steps),
    maxLength: 1024,
    packing: 'bfd',
    perDeviceTrainBatchSize: 2,
    dtype: 'bfloat16',
    saveStrategy: 'no',
    chatTemplatePath: template,
    datasetCache: false,
  };
  const found = json<{ share: number }>(process.execPath, [
    join(ROOT, 'bench/pipeline/wait.mjs'),
    JSON.stringify(options),
  ]);
  console.log(JSON.stringify(found));
  return found;
}

async function main(): Promise<void> {
  if (!given.python) throw new Error('--python: an interpreter with datasets and transformers');
  mkdirSync(tokenizer, { recursive: true });
  rmSync(cache, { recursive: true, force: true });
  copyFileSync(
    join(given.shared, 'tokenizers/gpt2/tokenizer.json'),
    join(tokenizer, 'tokenizer.json'),
  );
  writeFileSync(join(tokenizer, 'tokenizer_config.json'), '{"eos_token":"<|endoftext|>"}');
  writeFileSync(template, TEMPLATE);
  const small = join(given.work, `conversations-${given.megabytes}m.jsonl`);
  const large = join(given.work, `conversations-${given.gigabytes}g.jsonl`);
  const data = join(given.shared, 'data');
  await writeCorpus(data, small, Number(given.megabytes) * 1e6);
  await writeCorpus(data, large, Number(given.gigabytes) * 1e9);
  const load = loadavg()[0]!;

  const theirs = mapped(small, 2, true);
  const sequential = { sampling: 'sequential', packing: false, maxLength: null, workers: 1 };
  const { hash } = read(small, HASHED, sequential);
  const { accounting } = read(small, 'all', sequential);
  const same =
    hash === theirs.hash &&
    accounting!.tokens === theirs.tokens &&
    accounting!.trainedTokens === theirs.trained;
  console.log(`ids and labels of ${HASHED} rows, tokens and trained tokens of all equal: ${same}`);
  if (!same) throw new Error(JSON.stringify({ hash, accounting, theirs }));

  const warm = mapped(small, 2, false);
  const result = {
    command: `npm run bench -- pipeline ${process.argv.slice(2).join(' ')}`.replace(
      given.python,
      'PYTHON',
    ),
    commit: execFileSync('git', ['-C', ROOT, 'describe', '--always', '--dirty'], {
      encoding: 'utf8',
    }).trim(),
    machine: { cpu: cpus()[0]!.model, cores: cpus().length, memory: totalmem(), loadBefore: load },
    versions: { node: process.versions.node, ...theirs.versions },
    correctness: {
      rowsHashed: HASHED,
      rows: theirs.rows,
      tokens: theirs.tokens,
      trained: theirs.trained,
      same,
    },
    throughput: throughput(small),
    starts: starts(large, small),
    datasetsSecondStart: warm.seconds,
    ...(Number(given.steps) > 0 ? { waiting: waiting(large) } : {}),
  };
  mkdirSync(dirname(given.output), { recursive: true });
  writeFileSync(given.output, `${JSON.stringify(result, null, 2)}\n`);
  rmSync(cache, { recursive: true, force: true });
}

await main();
