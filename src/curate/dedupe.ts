import type { DataFile } from '../data/files.ts';
import { AttuneError } from '../errors.ts';
import { type CurateOptions, type CurateReport, curate, type Left, type Work } from './curate.ts';
import { DuplicateFinder } from './duplicates.ts';
import { type MinHashOptions, minHashDefaults } from './minhash.ts';
import { checkNumber } from './numbers.ts';
import { RougeIndex } from './rouge.ts';
import type { RowSet } from './rowset.ts';

const methods: readonly string[] = ['minhash', 'rouge-l', 'exact'];

export interface DedupeOptions extends CurateOptions, Partial<MinHashOptions> {
  /**
   * `minhash` (default): equal texts, and near-duplicates by MinHash and LSH; `rouge-l`: equal
   * texts, and those whose ROUGE-L with a kept row is above the threshold, as Self-Instruct does;
   * `exact`: equal texts alone.
   */
  method?: 'minhash' | 'rouge-l' | 'exact';
  /** Least Jaccard similarity (default 0.8), or the ROUGE-L that must be passed (0.7). */
  threshold?: number;
  /** Files whose rows count as kept before all others, and are not written. */
  against?: readonly DataFile[];
}

/**
 * Leaves out rows whose text repeats that of a row before. Rejects with `data` or `config`, or with
 * `device` where a file cannot be written.
 */
export async function dedupe(options: DedupeOptions): Promise<CurateReport> {
  const { method = 'minhash', against = [] } = options;
  if (!methods.includes(method)) {
    throw new AttuneError('config', `method: expected ${methods.join(', ')}, and got "${method}"`);
  }
  const context = { context: against };
  if (method === 'exact') {
    return curate(
      'dedupe',
      options,
      { method },
      (rows, work) => repeats(rows, work, null),
      context,
    );
  }
  if (method === 'rouge-l') {
    const threshold = checkNumber(options, 'threshold', 0.7, { least: 0, below: 1 });
    const judge = (rows: RowSet, work: Work) => rougeRepeats(rows, work, threshold);
    return curate('dedupe', options, { method, threshold }, judge, context);
  }
  const near: MinHashOptions = {
    threshold: checkNumber(options, 'threshold', minHashDefaults.threshold, { above: 0, most: 1 }),
    shingle: checkNumber(options, 'shingle', minHashDefaults.shingle, { least: 1, whole: true }),
    permutations: checkNumber(options, 'permutations', minHashDefaults.permutations, {
      least: 16,
      most: 4096,
      whole: true,
    }),
    seed: checkNumber(options, 'seed', minHashDefaults.seed, { least: 0, whole: true }),
  };
  const judge = (rows: RowSet, work: Work) => repeats(rows, work, near);
  return curate('dedupe', options, { method, ...near }, judge, context);
}

async function repeats(
  rows: RowSet,
  work: Work,
  near: MinHashOptions | null,
): Promise<Map<number, Left>> {
  const left = new Map<number, Left>();
  const finder = new DuplicateFinder((row) => rows.text(row), near);
  if (finder.banding) {
    const { bands, rows: length, recall } = finder.banding;
    work.note(
      `${bands} bands of ${length} hashes: a pair at the threshold is found with probability ${recall.toFixed(4)}`,
    );
  }
  for (let row = 0; row < rows.length; row++) {
    await work.step(row);
    const found = finder.add(row, rows.text(row));
    if (found === null || row < rows.first) continue;
    const { of, kind: reason, similarity } = found;
    left.set(row, { reason, of, similarity });
  }
  if (finder.cut > 0) {
    work.note(
      `${finder.cut} rows had more candidates than were compared: they share long passages with many others`,
    );
  }
  return left;
}

async function rougeRepeats(
  rows: RowSet,
  work: Work,
  threshold: number,
): Promise<Map<number, Left>> {
  const left = new Map<number, Left>();
  const finder = new DuplicateFinder((row) => rows.text(row), null);
  const index = new RougeIndex(threshold);
  for (let row = 0; row < rows.length; row++) {
    await work.step(row);
    const text = rows.text(row);
    const equal = finder.add(row, text);
    const near = equal ? null : index.find(text);
    if (row >= rows.first) {
      if (equal) left.set(row, { reason: equal.kind, of: equal.of, similarity: 1 });
      if (near) left.set(row, { reason: 'ROUGE-L', of: near.row, similarity: near.similarity });
    }
    if (!equal && !near) index.add(row, text);
  }
  return left;
}
