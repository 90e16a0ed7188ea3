// What has been fuzzed so far: fuzz/ledger.json, to which every run adds. A seed is used once.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Runs of one target on one commit, with seeds one after the other. */
export interface LedgerRun {
  target: string;
  /** The first and the last. */
  seeds: [number, number];
  inputs: number;
  /** Inputs that the parser took; null where that is not counted. */
  accepted: number | null;
  findings: number;
  seconds: number;
  commit: string;
}

const path = join(import.meta.dirname, 'ledger.json');
const aims: Readonly<Record<string, number>> = { safetensors: 50_000_000 };
const aim = 5_000_000;

export function readLedger(): LedgerRun[] {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as LedgerRun[]) : [];
}

/** The first seed that no run of a target has used. */
export function nextSeed(target: string): number {
  const used = readLedger().filter((run) => run.target === target);
  return Math.max(0, ...used.map(({ seeds }) => seeds[1])) + 1;
}

/** How many inputs a target is short of its aim; those before its last finding do not count. */
export function missing(target: string): number {
  return (aims[target] ?? aim) - sum(sinceFinding(target), ({ inputs }) => inputs);
}

function sinceFinding(target: string): LedgerRun[] {
  const own = readLedger().filter((run) => run.target === target);
  return own.slice(own.findLastIndex(({ findings }) => findings > 0) + 1);
}

function sum(runs: readonly LedgerRun[], of: (run: LedgerRun) => number): number {
  return runs.reduce((total, run) => total + of(run), 0);
}

/** Adds a run, to the one before it where that goes on. */
export function addRun(run: LedgerRun): void {
  const runs = readLedger();
  const before = runs.find(
    (one) =>
      one.target === run.target &&
      one.commit === run.commit &&
      one.seeds[1] + 1 === run.seeds[0] &&
      one.findings === 0 &&
      (one.accepted === null) === (run.accepted === null),
  );
  if (before) {
    before.seeds[1] = run.seeds[1];
    before.inputs += run.inputs;
    before.findings += run.findings;
    before.seconds += run.seconds;
    if (before.accepted !== null) before.accepted += run.accepted ?? 0;
  } else {
    runs.push(run);
  }
  runs.sort((a, b) =>
    a.target < b.target ? -1 : a.target > b.target ? 1 : a.seeds[0] - b.seeds[0],
  );
  const lines = runs.map((one) => JSON.stringify({ ...one, seconds: Math.round(one.seconds) }));
  writeFileSync(`${path}.part`, `[\n${lines.join(',\n')}\n]\n`);
  renameSync(`${path}.part`, path);
}

/** One line a target: inputs so far without a finding against the aim, and findings before that. */
export function ledgerLines(targets: readonly string[]): string[] {
  const millions = (count: number) => (count / 1e6).toFixed(2);
  return targets.map((target) => {
    const runs = sinceFinding(target);
    const findings = sum(
      readLedger().filter((run) => run.target === target),
      (run) => run.findings,
    );
    const inputs = sum(runs, (run) => run.inputs);
    const accepted = sum(runs, (run) => run.accepted ?? 0);
    const share = accepted === 0 ? '' : `, ${((100 * accepted) / inputs).toFixed(1)} % accepted`;
    const before = findings === 0 ? '' : `; ${findings} findings before that`;
    return (
      `${missing(target) <= 0 ? 'reached' : 'short  '} ${target}: ${millions(inputs)} of ` +
      `${millions(aims[target] ?? aim)} million inputs without a finding${share}${before}`
    );
  });
}

/** The commit that is fuzzed; marked where files differ from it. */
export function commitName(): string {
  const git = (...words: string[]) =>
    execFileSync('git', words, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  try {
    const changed = git(
      'status',
      '--porcelain',
      '--untracked-files=no',
      '--',
      '../src',
      '../native',
    );
    return git('rev-parse', '--short=10', 'HEAD') + (changed === '' ? '' : '+');
  } catch {
    return 'unknown'; // no git, or no repository
  }
}
