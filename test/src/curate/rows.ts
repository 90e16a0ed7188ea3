/** Files of rows for the tests of the verbs. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { CurateReport } from '../../../src/curate/curate.ts';
import { file } from '../data/files.ts';

export const directory = mkdtempSync(join(tmpdir(), 'attune-'));
let count = 0;

/** A name for a file of rows. */
export const output = () => join(directory, `${count++}.jsonl`);

export const lines = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1);

export const jsonl = (...rows: unknown[]) =>
  file('rows.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''));

/** Rows read are rows kept and rows left out, and the file has those that are kept. */
export function checkAccount(report: CurateReport, path: string): void {
  const left = report.left.reduce((sum, { count }) => sum + count, 0);
  assert.is(report.read, report.kept + left);
  assert.is(lines(path).length, report.kept);
}
