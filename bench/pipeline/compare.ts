// The data pipeline against datasets + tokenizers on one machine, in turn, as ratios.
//
//   npm run build && npm run bench -- pipeline --python .venv/bin/python [--quick] [--megabytes 50]
//
// Conversations of the shared files, numbered, as JSON Lines; GPT-2's tokenizer; ChatML with the
// assistant's turns marked. First the ids and labels of both sides are compared, then: tokenizing all
// rows by the number of threads; the time and memory to the first batch of a large file, whole and
// streamed; a second start of it; the memory of streaming it to its end; how long training at the 135M
// shape waits for data. Runs what dist/ holds. Writes bench/results/pipeline.json; exit code 1 where a
// bound is missed. `--quick`: a check of the program itself, in a minute. Linux only: /proc is read.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { describe, judge, rise } from './bounds.ts';
import { writeCorpus } from './corpus.ts';
import { HASHED, type Read, Sides } from './sides.ts';

const ROOT = resolve(import.meta.dirname, '../..');

const { values: given } = parseArgs({
  options: {
    python: { type: 'string' },
    shared: { type: 'string', default: join(ROOT, '../shared') },
    work: { type: 'string', default: join(tmpdir(), 'attune-bench') },
    quick: { type: 'boolean', default: false },
    /** Of the file that both sides tokenize. */
    megabytes: { type: 'string' },
    /** Of the file that is started on and streamed, in megabytes. */
    large: { type: 'string' },
    repeats: { type: 'string' },
    /** Steps of the run that measures waiting; 0: it is left out. */
    steps: { type: 'string' },
    /** Tokens of a packed row in that run. */
    length: { type: 'string', default: '1024' },
    output: { type: 'string' },
  },
});
const usual = given.quick
  ? { megabytes: 4, large: 40, repeats: 1, steps: 4 }
  : { megabytes: 50, large: 1000, repeats: 2, steps: 12 };
const megabytes = Number(given.megabytes ?? usual.megabytes);
const largeMegabytes = Number(given.large ?? usual.large);
const repeats = Number(given.repeats ?? usual.repeats);
const steps = Number(given.steps ?? usual.steps);
const output =
  given.output ??
  (given.quick ? join(given.work, 'pipeline.json') : join(ROOT, 'bench/results/pipeline.json'));

function best<T>(run: () => T, seconds: (result: T) => number): T {
  const runs = Array.from({ length: repeats }, run);
  return runs.reduce((a, b) => (seconds(b) < seconds(a) ? b : a));
}

/** Threads or processes, 1, 2 and so on, ours and theirs in turn; best of the repeats. */
function throughput(sides: Sides, file: string) {
  const size = statSync(file).size / 1e6;
  const rates = (seconds: number, rows: number, tokens: number) => ({
    seconds,
    rowsPerSecond: rows / seconds,
    megabytesPerSecond: size / seconds,
    tokensPerSecond: tokens / seconds,
  });
  const tokenizing = ({ marks }: Read) => marks.accounted - marks.loaded;
  const counts = [1, 2, 4, 8].filter((count) => count <= Math.max(2, availableParallelism()));
  return counts.map((workers) => {
    const ours = best(() => sides.read(file, 'all', { workers }), tokenizing);
    const theirs = best(
      () => sides.map(file, workers, true),
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

/** To the first batch of a large file where steps decide, and where epochs do, at first and again. */
function starts(sides: Sides, large: string) {
  const first = (until: 'first' | 'all', more: object, times = repeats) => {
    const runs = Array.from({ length: times }, () => sides.read(large, until, more));
    const { marks, memory, found, cpu } = runs.reduce((a, b) =>
      b.marks.first < a.marks.first ? b : a,
    );
    return { firstBatch: marks.first, memory, found, cpu };
  };
  sides.forget();
  const found = {
    bytes: statSync(large).size,
    cold: first('first', { workers: 1 }),
    coldTwoWorkers: first('first', { workers: 2 }),
    coldStream: first('first', { workers: 1, streaming: true }),
    epochs: first('all', { workers: 2, cache: true }, 1),
    epochsAgain: first('all', { workers: 2, cache: true }),
  };
  console.log(JSON.stringify(found));
  return found;
}

/** A large file streamed to its end. */
function streamed(sides: Sides, large: string) {
  const { marks, memory, samples, accounting } = sides.read(large, 'end', {
    workers: 2,
    streaming: true,
  });
  const seconds = marks.accounted - marks.loaded;
  const found = {
    rows: accounting!.read,
    seconds,
    megabytesPerSecond: statSync(large).size / 1e6 / seconds,
    peak: memory,
    rise: rise(samples),
  };
  console.log(JSON.stringify(found));
  return { ...found, samples };
}

function waiting(sides: Sides, file: string) {
  const model = join(given.work, 'llama-135m');
  if (!existsSync(join(model, 'model.safetensors'))) {
    const script = join(ROOT, 'bench/train/model.mjs');
    execFileSync(process.execPath, [script, 'llama-135m', model], { stdio: 'inherit' });
  }
  const options = {
    model,
    trainFile: file,
    outputDir: join(given.work, 'pipeline-output'),
    maxSteps: steps,
    maxLength: Number(given.length),
    packing: 'bfd',
    perDeviceTrainBatchSize: 2,
    dtype: 'bfloat16',
    saveStrategy: 'no',
    chatTemplatePath: sides.template,
    datasetCache: false,
  };
  const found = sides.node<{ share: number }>('wait.mjs', options);
  console.log(JSON.stringify(found));
  return found;
}

/** Says which part comes, and when. */
function part<T>(name: string, run: () => T): T {
  console.log(`${performance.now().toFixed(0).padStart(7)} ms: ${name}`);
  return run();
}

async function main(): Promise<void> {
  if (!given.python) throw new Error('--python: an interpreter with datasets and transformers');
  const sides = new Sides(given.work, given.shared, given.python);
  const small = join(given.work, `conversations-${megabytes}m.jsonl`);
  const large = join(given.work, `conversations-${largeMegabytes}m.jsonl`);
  const data = join(given.shared, 'data');
  await writeCorpus(data, small, megabytes * 1e6);
  await writeCorpus(data, large, largeMegabytes * 1e6);
  const load = loadavg()[0]!;

  const theirs = part('the same ids and labels', () => sides.map(small, 2, true));
  const sequential = { sampling: 'sequential', packing: false, maxLength: null, workers: 1 };
  const { hash } = sides.read(small, HASHED, sequential);
  const { accounting } = sides.read(small, 'all', sequential);
  const same =
    hash === theirs.hash &&
    accounting!.tokens === theirs.tokens &&
    accounting!.trainedTokens === theirs.trained;
  console.log(`ids and labels of ${HASHED} rows, tokens and trained tokens of all equal: ${same}`);
  if (!same) throw new Error(JSON.stringify({ hash, accounting, theirs }));

  const warm = sides.map(small, 2, false);
  const rates = part('tokenizing', () => throughput(sides, small));
  const started = part('starts', () => starts(sides, large));
  const stream = part('streaming', () => streamed(sides, large));
  const waited = steps > 0 ? part('waiting for data', () => waiting(sides, large)) : null;
  const bounds = judge([
    {
      what: 'speed at 2 workers, times that of datasets with num_proc=2',
      measured: rates.find(({ workers }) => workers === 2)!.ratio,
      least: 2,
    },
    {
      what: `seconds to the first batch of ${largeMegabytes} MB, cold`,
      measured: started.cold.firstBatch,
      most: 3,
    },
    { what: 'memory by then, MB', measured: started.cold.memory / 1e6, most: 500 },
    {
      what: 'the same, streamed, seconds',
      measured: started.coldStream.firstBatch,
      most: 3,
    },
    {
      what: 'seconds to the first batch where epochs decide, second start',
      measured: started.epochsAgain.firstBatch,
      most: 3,
    },
    { what: 'memory of streaming to the end, MB', measured: stream.peak / 1e6, most: 500 },
    { what: 'rise of that memory, beyond its spread, MB', measured: stream.rise / 1e6, most: 16 },
    ...(waited
      ? [{ what: 'share of a step that waits for data', measured: waited.share, most: 0.01 }]
      : []),
  ]);
  const result = {
    command: `npm run bench -- pipeline ${process.argv.slice(2).join(' ')}`.replace(
      given.python,
      'PYTHON',
    ),
    commit: execFileSync('git', ['-C', ROOT, 'describe', '--always', '--dirty'], {
      encoding: 'utf8',
    }).trim(),
    machine: { cpu: cpus()[0]!.model, cores: cpus().length, memory: totalmem(), loadBefore: load },
    bounds,
    versions: { node: process.versions.node, ...theirs.versions },
    correctness: {
      rowsHashed: HASHED,
      rows: theirs.rows,
      tokens: theirs.tokens,
      trained: theirs.trained,
      same,
    },
    throughput: rates,
    starts: started,
    streaming: stream,
    datasetsSecondStart: warm.seconds,
    ...(waited ? { waiting: waited } : {}),
    seconds: performance.now() / 1000,
  };
  mkdirSync(dirname(output), { recursive: true });
  writeFileSync(output, `${JSON.stringify(result, null, 2)}\n`);
  sides.forget();
  for (const bound of bounds) console.log(describe(bound));
  // A file of a few megabytes measures how threads start.
  if (!given.quick && bounds.some(({ passed }) => !passed)) process.exitCode = 1;
}

await main();
