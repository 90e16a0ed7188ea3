// Gives parsers inputs that are nearly right: npm run fuzz -- [--target NAME] [--inputs N] [--seed N]
// [--threads N]. An error that is not the parser's own, an input that takes longer than five seconds
// and a thread that dies are findings; the input is kept, and `--input FILE` runs it again. Without
// `--seed` seeds go on where fuzz/ledger.json ends, and what was run is added there; `--ledger` shows
// it against the aims, and `--minutes N` goes round the targets that are short of them. `--pack` keeps the native targets' corpora
// in fuzz/native/seeds.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { addRun, commitName, ledgerLines, missing, nextSeed } from './ledger.ts';
import { nativeNames, packSeeds, runNative, runNativeInput } from './native.ts';
import { loadTarget, targetNames } from './targets.ts';
import { type Finding, fuzz } from './thread.ts';

/** Seconds after which what was done so far is written down. */
const chunk = 60;

/** Files may change while a long run goes on. */
const commit = commitName();

const names: readonly string[] = [...targetNames, ...nativeNames];

interface Amount {
  inputs: number;
  seconds: number;
  threads: number;
  /** The first seed; null for the ledger's next, and the run is added there. */
  seed: number | null;
}

/** Runs a target once, says what came of it and returns the number of inputs; null where it cannot. */
async function run(
  target: string,
  { inputs, seconds, threads, seed }: Amount,
): Promise<number | null> {
  const start = performance.now();
  const first = seed ?? nextSeed(target);
  let next = first;
  const native = nativeNames.includes(target);
  const absence = native ? null : (await loadTarget(target)).absence?.();
  if (absence) {
    console.log(`SKIPPED 1: ${target}: ${absence}`);
    return null;
  }
  const each = { inputs: Math.ceil(inputs / threads), seconds };
  const found = native
    ? [await runNative(target, { inputs, seconds }, next++)].filter((one) => one !== null)
    : await Promise.all(Array.from({ length: threads }, () => fuzz(target, each, () => next++)));
  if (found.length === 0) return null;
  const sum = (of: (one: (typeof found)[number]) => number) =>
    found.reduce((total, one) => total + of(one), 0);
  const findings = found.flatMap(({ finding }) => finding ?? []);
  const took = (performance.now() - start) / 1000;
  const done = sum((one) => one.inputs);
  const accepted = native ? null : sum((one) => one.accepted);
  const answers = Math.max(...found.map((one) => one.outcomes));
  console.log(
    `fuzz ${target}: ${done} inputs, ${accepted === null ? '' : `${accepted} accepted, `}` +
      `${answers} ${native ? 'places of the code' : 'different answers'}, ` +
      `${sum((one) => one.ends)} threads ended, ${findings.length} findings, ${took.toFixed(1)} s`,
  );
  for (const finding of findings) keep(target, finding);
  const run = { target, inputs: done, accepted, findings: findings.length, seconds: took };
  if (seed === null) addRun({ ...run, seeds: [first, next - 1], commit });
  return done;
}

function keep(target: string, { message, input }: Finding): void {
  const path = join('.cache/fuzz', `${target}-${Date.now()}`);
  mkdirSync('.cache/fuzz', { recursive: true });
  writeFileSync(path, input);
  console.log(`  ${message}\n  input kept in ${path}`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      target: { type: 'string', multiple: true },
      inputs: { type: 'string', default: '100000' },
      minutes: { type: 'string' },
      seed: { type: 'string' },
      threads: { type: 'string', default: '1' },
      input: { type: 'string' },
      ledger: { type: 'boolean', default: false },
      pack: { type: 'boolean', default: false },
    },
  });
  const chosen = values.target ?? names;
  if (values.ledger) return console.log(ledgerLines(chosen).join('\n'));
  if (values.pack) {
    for (const target of chosen) if (nativeNames.includes(target)) packSeeds(target);
    return;
  }
  if (values.input) {
    if (nativeNames.includes(chosen[0]!)) {
      if (!runNativeInput(chosen[0]!, values.input)) process.exitCode = 1;
      return;
    }
    const target = await loadTarget(chosen[0]!);
    return console.log(await target.run(readFileSync(values.input)));
  }
  const seed = values.seed === undefined ? null : Number(values.seed);
  const amount = { seed, threads: Number(values.threads), seconds: chunk };
  if (values.minutes !== undefined) {
    const until = Date.now() + 60_000 * Number(values.minutes);
    for (const target of chosen) {
      while (Date.now() < until && missing(target) > 0 && !process.exitCode) {
        if ((await run(target, { ...amount, inputs: missing(target) })) === null) break;
      }
    }
    return console.log(ledgerLines(chosen).join('\n'));
  }
  for (const target of chosen) {
    for (let left = Number(values.inputs); left > 0 && !process.exitCode; ) {
      left -= (await run(target, { ...amount, inputs: left })) ?? left;
    }
  }
}

await main();
