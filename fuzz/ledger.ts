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

/** How many inputs a target is short of its aim. */
export function missing(target: string): number {
  const own = readLedger().filter((run) => run.target === target);
  return own.reduce((left, run) => left - run.inputs, aims[target] ?? aim);
}

/** Adds a run, to the one before it where that goes on. */
export function addRun(run: LedgerRun): void {
  const runs = readLedger();
  const before = runs.find(
    (one) =>
      one.target === run.target &&
      one.commit === run.commit &&
      one.seeds[1] + 1 === run.seeds[0] &&
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

/** One line a target: inputs so far against the aim. */
export function ledgerLines(targets: readonly string[]): string[] {
  const runs = readLedger();
  const millions = (count: number) => (count / 1e6).toFixed(2);
  return targets.map((target) => {
    const own = runs.filter((run) => run.target === target);
    const sum = (of: (run: LedgerRun) => number) => own.reduce((total, run) => total + of(run), 0);
    const inputs = sum((run) => run.inputs);
    const counted = own.filter(({ accepted }) => accepted !== null);
    const base = counted.reduce((total, run) => total + run.inputs, 0);
    const taken = counted.reduce((total, run) => total + (run.accepted ?? 0), 0);
    const share = base === 0 ? '' : `, ${((100 * taken) / base).toFixed(1)} % accepted`;
    const wanted = aims[target] ?? aim;
    return (
      `${missing(target) <= 0 ? 'reached' : 'short  '} ${target}: ${millions(inputs)} of ${millions(wanted)} million inputs, ` +
      `${sum((run) => run.findings)} findings${share}`
    );
  });
}

/** The commit that is fuzzed; marked where files differ from it. */
export function commitName(): string {
  const git = (...words: string[]) =>
    execFileSync('git', words, { cwd: import.meta.dirname, encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--untracked-files=no', '--', '../src', '../native');
  return git('rev-parse', '--short=10', 'HEAD') + (changed === '' ? '' : '+');
}
