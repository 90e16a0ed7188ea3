// Tokenizing the texts of ../shared/data on both paths, beside Hugging Face tokenizers and tiktoken.
//
//   npm run bench -- tokenizer --python .venv/bin/python
//
// Ids are compared first. Then each encodes all texts several times, warm, in one process at a time:
// processor time on one thread, wall time on two (of attune, two processes). attune and encode_batch give ids and offsets,
// encode_batch_fast and tiktoken ids alone. Writes bench/results/tokenizer.json.
import { execFileSync, fork } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { digest, folders, golden, type Rows, textsOf } from '../test/src/tokenizer/golden.ts';
import { loadPath } from '../test/src/tokenizer/paths.ts';

type Path = 'native' | 'js';
type Times = { cpu: number; wall: number };
type Lane = { folder: string; path: Path; file: string; lane: number };

const root = join(import.meta.dirname, '..');
const options = { addSpecialTokens: false };

/** Seconds to encode all texts: the least of some passes after one that is not counted. */
async function encode(folder: string, path: Path, texts: readonly string[], passes: number) {
  const tokenizer = await loadPath(folder, path);
  const found = digest(texts.map((text) => tokenizer.encode(text, options).ids));
  const least: Times = { cpu: Number.POSITIVE_INFINITY, wall: Number.POSITIVE_INFINITY };
  for (let pass = 0; pass < passes; pass++) {
    const [before, start] = [process.cpuUsage(), performance.now()];
    for (const text of texts) tokenizer.encode(text, options);
    const { user, system } = process.cpuUsage(before);
    least.cpu = Math.min(least.cpu, (user + system) / 1e6);
    least.wall = Math.min(least.wall, (performance.now() - start) / 1000);
  }
  return { digest: found, ...least };
}

/** Wall seconds of two processes that each encode every other text, both warm. */
async function onTwo(folder: string, path: Path, file: string, passes: number): Promise<number> {
  const lanes = [0, 1].map((lane) =>
    fork(fileURLToPath(import.meta.url), ['--lane', JSON.stringify({ folder, path, file, lane })]),
  );
  const all = (): Promise<unknown> =>
    Promise.all(
      lanes.map(
        (lane) =>
          new Promise((done, fail) => {
            lane.once('message', done);
            lane.once('exit', () => fail(new Error('a lane ended')));
          }),
      ),
    );
  await all();
  let least = Number.POSITIVE_INFINITY;
  for (let pass = 0; pass < passes; pass++) {
    const [start, done] = [performance.now(), all()];
    for (const lane of lanes) lane.send('again');
    await done;
    least = Math.min(least, (performance.now() - start) / 1000);
  }
  for (const lane of lanes) lane.disconnect();
  return least;
}

async function runLane({ folder, path, file, lane }: Lane): Promise<void> {
  const texts = (JSON.parse(readFileSync(file, 'utf8')) as string[]).filter(
    (_, i) => i % 2 === lane,
  );
  const tokenizer = await loadPath(folder, path);
  const run = (): void => {
    for (const text of texts) tokenizer.encode(text, options);
    process.send?.('done');
  };
  run();
  process.on('message', run);
}

const { values } = parseArgs({
  options: {
    python: { type: 'string' },
    passes: { type: 'string', default: '5' },
    /** Every so many texts of the files are taken. */
    every: { type: 'string', default: '1' },
    output: { type: 'string', default: join(root, 'bench/results/tokenizer.json') },
    lane: { type: 'string' },
  },
});

async function main(): Promise<void> {
  if (!values.python) throw new Error('--python: an interpreter with tokenizers');
  const passes = Number(values.passes);
  const { files } = golden<{ files: Rows }>('rows');
  const texts = Object.keys(files)
    .flatMap(textsOf)
    .filter((_, i) => i % Number(values.every) === 0);
  const megabytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 1e6;
  const file = join(root, '.cache/bench/texts.json');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(texts));
  const rate = (seconds: number): number => Number((megabytes / seconds).toFixed(1));
  const load = loadavg()[0];
  const results: Record<string, Record<string, unknown>> = {};
  const versions: Record<string, string> = { node: process.versions.node };
  for (const [name, folder] of Object.entries(folders)) {
    const peer = (threads: number) => {
      const script = join(root, 'bench/peers/tokenizers_batch.py');
      const given = ['--texts', file, '--tokenizer', join(folder, 'tokenizer.json')];
      const env = {
        ...process.env,
        RAYON_NUM_THREADS: String(threads),
        TOKENIZERS_PARALLELISM: String(threads > 1),
      };
      const stdout = execFileSync(values.python as string, [script, ...given, '--passes', '2'], {
        env,
      });
      return JSON.parse(String(stdout)) as {
        digest: string;
        times: Record<string, Times>;
        versions: Record<string, string>;
      };
    };
    const [one, two] = [peer(1), peer(2)];
    Object.assign(versions, one.versions);
    const rates: Record<string, number> = {};
    for (const path of ['native', 'js'] as const) {
      const found = await encode(folder, path, texts, passes);
      if (found.digest !== one.digest) throw new Error(`${name}, ${path}: other ids than the peer`);
      rates[path] = rate(found.cpu);
      rates[`${path} on two`] = rate(await onTwo(folder, path, file, passes));
    }
    for (const [way, times] of Object.entries(one.times)) rates[way] = rate(times.cpu);
    for (const [way, times] of Object.entries(two.times)) rates[`${way} on two`] = rate(times.wall);
    const ratio = (a: string, b: string): number =>
      Number(((rates[a] ?? Number.NaN) / (rates[b] ?? Number.NaN)).toFixed(2));
    const ratios = Object.fromEntries(
      ['encode_batch', 'encode_batch_fast', 'tiktoken', 'encode_batch on two']
        .filter((way) => way in rates)
        .map((way) => [
          `native to ${way}`,
          ratio(way.endsWith('two') ? 'native on two' : 'native', way),
        ]),
    );
    results[name] = { equal: true, megabytesPerSecond: rates, ratios };
    console.log(name, JSON.stringify({ rates, ratios }));
  }
  rmSync(file);
  const commit = execFileSync('git', ['describe', '--always', '--dirty'], { cwd: root });
  const result = {
    command: `npm run bench -- tokenizer --python PYTHON --every ${values.every}`,
    commit: String(commit).trim(),
    machine: { cpu: cpus()[0]?.model, cores: cpus().length, loadBefore: load },
    versions,
    texts: texts.length,
    megabytes: Number(megabytes.toFixed(2)),
    results,
  };
  mkdirSync(dirname(values.output), { recursive: true });
  writeFileSync(values.output, `${JSON.stringify(result, null, 2)}\n`);
}

await (values.lane === undefined ? main() : runLane(JSON.parse(values.lane) as Lane));
