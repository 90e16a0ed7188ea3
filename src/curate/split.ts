import { createHash } from 'node:crypto';
import { AttuneError } from '../errors.ts';
import {
  type CurateOptions,
  type CurateReport,
  curate,
  keptRows,
  type Left,
  type Work,
} from './curate.ts';
import { checkNumber } from './numbers.ts';
import type { RowSet } from './rowset.ts';
import { normalised } from './words.ts';

export interface SplitOptions extends CurateOptions {
  /** File for the evaluation rows; `output` takes the others. */
  evalOutput?: string | null;
  /** Rows for evaluation: a number of rows, or a share below 1. */
  evalRows: number;
  seed?: number;
}

const reason = 'for evaluation';

/**
 * Splits rows into training and evaluation. Rows of one text (but for case and space) stay together,
 * so that none is trained on and evaluated; with `by: prompt`, rows of one prompt. Which rows is a
 * function of (seed, text) alone: it does not change with their order, and rows that are added later
 * move few others. Rejects with `data` or `config`, or with `device` where a file cannot be written.
 */
export async function split(options: SplitOptions): Promise<CurateReport> {
  const seed = checkNumber(options, 'seed', 42, { least: 0, whole: true });
  const wanted = checkNumber(options, 'evalRows', 0, { above: 0 });
  if (wanted >= 1 && !Number.isInteger(wanted)) {
    throw new AttuneError('config', 'eval_rows: expected a share below 1, or a number of rows');
  }
  const { output, evalOutput } = options;
  if (Boolean(output) !== Boolean(evalOutput)) {
    throw new AttuneError('config', 'name both files, output and eval_output, or neither');
  }
  const judge = (rows: RowSet, work: Work) => draw(rows, work, wanted, seed);
  return curate('split', options, { eval_rows: wanted, seed }, judge, {
    outputs: evalOutput ? [evalOutput] : [],
    writings: (rows, left) => {
      const line = (row: number) => rows.line(row);
      if (!output || !evalOutput) return [];
      return [
        { path: output, rows: keptRows(rows, left), line },
        { path: evalOutput, rows: [...left.keys()], line },
      ];
    },
  });
}

async function draw(
  rows: RowSet,
  work: Work,
  wanted: number,
  seed: number,
): Promise<Map<number, Left>> {
  const groups = new Map<string, number[]>();
  for (let row = rows.first; row < rows.length; row++) {
    await work.step(row);
    const key = createHash('sha256')
      .update(`${seed}:${normalised(rows.text(row))}`)
      .digest('hex');
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  const total = rows.length - rows.first;
  const target = wanted < 1 ? Math.round(wanted * total) : wanted;
  if (target < 1 || target >= total) {
    throw new AttuneError('config', `eval_rows: ${target} of ${total} rows leaves one side empty`);
  }
  const chosen: number[] = [];
  for (const [, group] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (chosen.length + group.length <= target) chosen.push(...group);
    if (chosen.length === target) break;
  }
  if (chosen.length < target) {
    work.note(`${chosen.length} rows instead of ${target}: rows of one text stay together`);
  }
  if (chosen.length === 0 || chosen.length === total) {
    throw new AttuneError('data', 'the rows cannot be split: too many of them have the same text');
  }
  return new Map(chosen.sort((a, b) => a - b).map((row) => [row, { reason }]));
}
