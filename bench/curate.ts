// Curation of a file of rows: each verb in MB a second of the processor; with --python P, an interpreter with datasketch,
// MinHash and LSH beside it in the same run. Rows are made from ../shared/data, seeded.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { CurateOptions, CurateReport, LeftRow } from '../src/curate/curate.ts';
import { decontaminate, dedupe, filter, select, split } from '../src/curate/index.ts';
import { jaccard, MinHash, minHashDefaults } from '../src/curate/minhash.ts';

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '20' },
    python: { type: 'string' },
  },
});
const root = join(import.meta.dirname, '..');
const shared = join(root, '../shared/data');
const directory = join(root, '.cache/bench');
mkdirSync(directory, { recursive: true });
const corpus = join(directory, 'curate.jsonl');
const output = join(directory, 'curate.out.jsonl');
const report = join(directory, 'curate.report.json');

let state = 7;
const random = (bound: number) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * bound);
};

const lines = (name: string) => readFileSync(join(shared, name), 'utf8').trim().split('\n');
const base: string[] = [
  ...lines('gsm8k/train.jsonl')
    .map((line) => JSON.parse(line))
    .map((r) => `${r.question} ${r.answer}`),
  ...JSON.parse(lines('alpaca-en/alpaca_en_demo.json').join('\n')).map(
    (r: { instruction: string; output: string }) => `${r.instruction} ${r.output}`,
  ),
];
const vocabulary = base.join(' ').split(/\s+/);

/** One in ten rows changes a few words of an earlier one, one in twenty repeats one. */
function makeCorpus(megabytes: number): string[] {
  const texts: string[] = [];
  const handle = openSync(corpus, 'w');
  for (let bytes = 0; bytes < megabytes * 1e6; ) {
    const kind = texts.length > 100 ? random(20) : 9;
    const from = kind < 3 ? texts[random(texts.length)]! : base[random(base.length)]!;
    const words = from.split(' ');
    const changes = kind === 0 ? 0 : kind < 3 ? random(4) : Math.ceil(words.length / 4);
    for (let i = 0; i < changes; i++) {
      words[random(words.length)] = vocabulary[random(vocabulary.length)]!;
    }
    const text = words.join(' ');
    texts.push(text);
    bytes += writeSync(handle, `${JSON.stringify({ text })}\n`);
  }
  closeSync(handle);
  return texts;
}

/** Of rows [0, count) those with an earlier one at the threshold, by comparing all pairs. */
function bruteForce(texts: string[]): Set<number> {
  const hash = new MinHash(minHashDefaults);
  const sets = texts.map((text) => hash.shingles(text));
  const left = new Set<number>();
  for (const [row, set] of sets.entries()) {
    for (let other = 0; other < row && !left.has(row); other++) {
      if (!left.has(other) && jaccard(set, sets[other]!) >= minHashDefaults.threshold)
        left.add(row);
    }
  }
  return left;
}

const texts = makeCorpus(Number(values.megabytes));
const megabytes = statSync(corpus).size / 1e6;
console.log(`${texts.length} rows, ${megabytes.toFixed(1)} MB`);

const expected = bruteForce(texts.slice(0, 3000));
await dedupe({ files: [corpus], output, report });
const { rows } = JSON.parse(readFileSync(report, 'utf8')) as { rows: LeftRow[] };
const found = new Set(rows.map(({ line }) => line - 1).filter((row) => row < 3000));
const missed = [...expected].filter((row) => !found.has(row)).length;
const wrong = [...found].filter((row) => !expected.has(row)).length;
console.log(`first 3000 rows: ${expected.size} to leave out; missed ${missed}, wrong ${wrong}`);

const evaluation = join(shared, 'gsm8k/test.jsonl');
const verbs: Record<string, (options: CurateOptions) => Promise<CurateReport>> = {
  'dedupe --method exact': (options) => dedupe({ ...options, method: 'exact' }),
  dedupe: (options) => dedupe(options),
  decontaminate: (options) => decontaminate({ ...options, against: [evaluation] }),
  'filter --min-words --max-words': (options) => filter({ ...options, minWords: 3, maxWords: 400 }),
  'filter --languages': (options) => filter({ ...options, languages: ['en'] }),
  split: (options) => split({ ...options, evalRows: 100, evalOutput: `${output}.eval.jsonl` }),
  'select --rows 200': (options) => select({ ...options, rows: 200 }),
};
let ours = 0;
for (const [name, run] of Object.entries(verbs)) {
  // Processor time: other work on the machine does not count.
  const before = process.cpuUsage();
  const { read, kept } = await run({ files: [corpus], output });
  const { user, system } = process.cpuUsage(before);
  const seconds = (user + system) / 1e6;
  if (name === 'dedupe') ours = seconds;
  console.log(
    `${name.padEnd(32)} ${seconds.toFixed(2).padStart(7)} s ${(megabytes / seconds).toFixed(1).padStart(7)} MB/s  kept ${kept} of ${read}`,
  );
}
console.log(`memory at most ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`);
if (values.python) {
  const script = join(root, 'bench/peers/minhash.py');
  const peer = spawnSync(values.python, [script, corpus], { encoding: 'utf8' });
  if (peer.status !== 0) throw new Error(peer.stderr);
  const { seconds, kept, versions } = JSON.parse(peer.stdout);
  console.log(
    `datasketch, MinHashLSH           ${seconds.toFixed(2).padStart(7)} s ${(megabytes / seconds).toFixed(1).padStart(7)} MB/s  kept ${kept} of ${texts.length}  (${versions})`,
  );
  console.log(`attune takes 1/${(seconds / ours).toFixed(1)} of its time`);
}
rmSync(output, { force: true });
rmSync(corpus, { force: true });
