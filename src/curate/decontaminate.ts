import type { DataFile } from '../data/files.ts';
import { AttuneError } from '../errors.ts';
import { type CurateOptions, type CurateReport, curate, type Left, type Work } from './curate.ts';
import { checkNumber } from './numbers.ts';
import { OverlapIndex } from './overlap.ts';
import type { RowSet } from './rowset.ts';

export interface DecontaminateOptions extends CurateOptions {
  /** Files that will be evaluated on. */
  against: readonly DataFile[];
  /** Words of an n-gram (default 13). */
  ngram?: number;
  /** n-grams of more evaluation rows than this say nothing (default 10; 0: all say something). */
  common?: number;
}

/**
 * Leaves out rows that share an n-gram of words with a row of evaluation data. Rejects with `data`
 * or `config`, or with `device` where a file cannot be written.
 */
export async function decontaminate(options: DecontaminateOptions): Promise<CurateReport> {
  const { against } = options;
  if (!against?.length) {
    throw new AttuneError('config', 'against: name the files that will be evaluated on');
  }
  const ngram = checkNumber(options, 'ngram', 13, { least: 1, most: 1000, whole: true });
  const common = checkNumber(options, 'common', 10, { least: 0, whole: true });
  const judge = (rows: RowSet, work: Work) => findOverlaps(rows, work, ngram, common);
  return curate('decontaminate', options, { ngram, common }, judge, { context: against });
}

async function findOverlaps(
  rows: RowSet,
  work: Work,
  ngram: number,
  common: number,
): Promise<Map<number, Left>> {
  const left = new Map<number, Left>();
  const index = new OverlapIndex((row) => rows.text(row), ngram, common);
  for (let row = 0; row < rows.first; row++) {
    await work.step(row);
    index.add(row, rows.text(row));
  }
  index.finish();
  if (index.unchecked > 0) {
    work.note(
      `${index.unchecked} evaluation rows have no ${ngram}-gram of their own: only whole copies of them are found`,
    );
  }
  for (let row = rows.first; row < rows.length; row++) {
    await work.step(row);
    const found = index.find(rows.text(row));
    if (found === null) continue;
    const reason = found.isWhole
      ? 'same as an evaluation row'
      : `${ngram}-gram of an evaluation row`;
    left.set(row, { reason, of: found.row, similarity: found.share, detail: found.passage });
  }
  return left;
}
