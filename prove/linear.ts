// `npm run prove:linear`: tokenizing takes time in proportion to the text, whatever the text. Each
// adversarial text is encoded at n and at 2n characters' bytes, warm, on both paths; time is that of
// the processor, the least of several runs in turn, so that what else the machine does counts little.
// The ratio may be 2.2, and no rate may fall under 1 MB/s on one core. What is measured goes to
// bench/results/linear.json. `-- --path js` proves one path, `--only gpt2` one tokenizer.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Tokenizer } from '../src/tokenizer/tokenizer.ts';
import { folders, made } from '../test/src/tokenizer/golden.ts';
import { loadPath } from '../test/src/tokenizer/paths.ts';
import { adversarial } from './lib/adversarial.ts';

const { values } = parseArgs({
  options: {
    path: { type: 'string' },
    only: { type: 'string' },
    /** The shorter text, in 1e6 bytes. Tokens of some 2 MB of text outgrow the caches of a processor. */
    megabytes: { type: 'string', default: '0.5' },
    /** Runs of each text; more, for up to `seconds` of the processor, while the ratio is too large. */
    runs: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '4' },
    output: { type: 'string', default: join(import.meta.dirname, '../bench/results/linear.json') },
  },
});
// Memory that is given back to the system and asked for again costs more than the work, and where it
// is depends on its size: the process keeps what it has.
const keep = { MALLOC_TRIM_THRESHOLD_: '4000000000', MALLOC_MMAP_THRESHOLD_: '4000000000' };
if (process.env.MALLOC_TRIM_THRESHOLD_ === undefined) {
  const again = [...process.execArgv, ...process.argv.slice(1)];
  const env = { ...process.env, ...keep };
  process.exit(spawnSync(process.execPath, again, { env, stdio: 'inherit' }).status ?? 1);
}

const most = 2.2;
const least = 1;
const runs = Number(values.runs);

interface Case {
  path: string;
  tokenizer: string;
  text: string;
  /** time(2n) / time(n). */
  ratio: number;
  /** The slower of the two, MB/s. */
  rate: number;
  runs: number;
  passed: boolean;
}

function seconds(tokenizer: Tokenizer, ...texts: string[]): number {
  const before = process.cpuUsage();
  for (const text of texts) tokenizer.encode(text, { addSpecialTokens: false });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/**
 * `pairs` of a text and one twice as long; where there are several, each run has the next. The shorter
 * is encoded twice for each time that the longer is: both leave as much behind to be collected.
 */
function measure(
  tokenizer: Tokenizer,
  pairs: readonly (readonly [string, string])[],
): Pick<Case, 'ratio' | 'rate' | 'runs'> {
  let spent = 0;
  let [once, twice] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const [[short, long]] = pairs as [[string, string]];
  const size = Buffer.byteLength(short);
  const grown = Buffer.byteLength(long) / size;
  for (let run = 0; ; run++) {
    const [text, double] = pairs[run % pairs.length] as [string, string];
    const [other] = pairs[(run + 1) % pairs.length] as [string, string];
    const times = [seconds(tokenizer, text, other), seconds(tokenizer, double)] as const;
    once = Math.min(once, times[0] / 2);
    twice = Math.min(twice, times[1]);
    spent += times[0] + times[1];
    // The first run may pay for what is made once.
    if (run + 1 < runs) continue;
    const ratio = (2 * twice) / (grown * once);
    const rate = size / Math.max(once, twice / grown) / 1e6;
    const enough = run >= 4 * runs && spent > Number(values.seconds);
    if ((ratio <= most && rate >= least) || enough) return { ratio, rate, runs: run + 1 };
  }
}

const cases: Case[] = [];
for (const path of values.path ? [values.path] : ['native', 'js']) {
  const bytes = 1e6 * Number(values.megabytes);
  const texts = Object.entries(adversarial(bytes));
  for (const [name, folder] of Object.entries({ ...folders, ...made })) {
    if (values.only !== undefined && values.only !== name) continue;
    if (!existsSync(join(folder, 'tokenizer.json'))) throw new Error(`${folder} is absent`);
    const tokenizer = await loadPath(folder, path as 'native' | 'js');
    for (const [text, pairs] of texts) {
      const found = measure(tokenizer, pairs);
      const passed = found.ratio <= most && found.rate >= least;
      cases.push({ path, tokenizer: name, text, ...found, passed });
      console.log(
        `${passed ? '' : 'FAILED '}${`${path}, ${name}, ${text}`.padEnd(56)} time(2n)/time(n) ${found.ratio.toFixed(2)}  ${found.rate.toFixed(1).padStart(7)} MB/s`,
      );
    }
  }
}

const worst = (by: (each: Case) => number): Case =>
  cases.reduce((one, other) => (by(other) > by(one) ? other : one));
const named = ({ path, tokenizer, text }: Case): string => `${path}, ${tokenizer}, ${text}`;
const failed = cases.filter((each) => !each.passed).length;
const [steepest, slowest] = [worst(({ ratio }) => ratio), worst(({ rate }) => -rate)];
console.log(`${cases.length - failed} passed, ${failed} failed`);
console.log(`largest ratio ${steepest.ratio.toFixed(2)} (${named(steepest)})`);
console.log(`lowest rate ${slowest.rate.toFixed(1)} MB/s (${named(slowest)})`);
if (values.only === undefined) {
  const commit = execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' });
  const round = (each: Case) => ({
    ...each,
    ratio: Number(each.ratio.toFixed(2)),
    rate: Number(each.rate.toFixed(2)),
  });
  const head = {
    commit: commit.trim(),
    machine: { cpu: cpus()[0]?.model, cores: cpus().length },
    node: process.versions.node,
    megabytes: Number(values.megabytes),
  };
  // Of a path that was left out what an earlier run has found is kept.
  const before = existsSync(values.output)
    ? (JSON.parse(readFileSync(values.output, 'utf8')) as { cases: Case[] }).cases
    : [];
  const kept = before.filter(({ path }) => !cases.some((each) => each.path === path));
  const lines = [...kept, ...cases.map(round)].map((each) => JSON.stringify(each)).join(',\n');
  mkdirSync(join(values.output, '..'), { recursive: true });
  writeFileSync(
    values.output,
    `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "cases": [\n${lines}\n]}\n`,
  );
}
process.exit(failed === 0 ? 0 : 1);
