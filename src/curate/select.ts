import { AttuneError } from '../errors.ts';
import { chooseCenters } from './centers.ts';
import { type CurateOptions, type CurateReport, curate, type Left, type Work } from './curate.ts';
import { dimensions, Features } from './features.ts';
import { checkNumber } from './numbers.ts';
import type { RowSet } from './rowset.ts';

export interface SelectOptions extends CurateOptions {
  /** Rows to keep. */
  rows: number;
}

/**
 * Keeps N rows that differ as much as possible: greedy k-center on hashed words and pairs of words.
 * Every row that is left out names the one kept that is most like it. Rejects with `data` or
 * `config`, or with `device` where a file cannot be written.
 */
export async function select(options: SelectOptions): Promise<CurateReport> {
  const count = checkNumber(options, 'rows', 0, { least: 1, whole: true });
  const judge = (rows: RowSet, work: Work) => choose(rows, work, count);
  return curate('select', options, { rows: count }, judge);
}

async function choose(rows: RowSet, work: Work, count: number): Promise<Map<number, Left>> {
  const total = rows.length - rows.first;
  if (count > total) {
    throw new AttuneError('config', `rows: ${count} are asked for, and there are ${total}`);
  }
  const features = new Features();
  for (let row = rows.first; row < rows.length; row++) {
    await work.step(row);
    features.add(rows.text(row));
  }
  const vectors = new Float32Array(total * dimensions);
  for (let i = 0; i < total; i++) {
    await work.step(i);
    const vector = vectors.subarray(i * dimensions, (i + 1) * dimensions);
    features.write(rows.text(rows.first + i), vector);
  }
  const found = await chooseCenters(vectors, dimensions, count, () => work.step(0));
  const { chosen, nearest, similarity } = found;
  const kept = new Set(chosen);
  const left = new Map<number, Left>();
  let [least, sum] = [1, 0];
  for (let i = 0; i < total; i++) {
    if (kept.has(i)) continue;
    const near = Math.min(1, similarity[i] as number);
    least = Math.min(least, near);
    sum += near;
    const of = rows.first + (chosen[nearest[i] as number] as number);
    left.set(rows.first + i, { reason: 'like a row that is kept', of, similarity: near });
  }
  if (left.size > 0) {
    const mean = (sum / left.size).toFixed(3);
    work.note(
      `cosine of a row that is left out with the nearest kept: mean ${mean}, least ${least.toFixed(3)}`,
    );
  }
  return left;
}
