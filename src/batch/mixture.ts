import type { Source } from '../data/source.ts';
import { permutation, purpose } from './random.ts';

type Weighted = Pick<Source, 'weight'> & { rows: { length: number } };

/** Rows of a file of `rows` rows that are used in an epoch; at least one. */
export function usedRows(rows: number, weight: number): number {
  return Math.max(1, Math.round(rows * weight));
}

/**
 * Which rows of the files are used, as places among all rows, file by file: with weight 2.3 every
 * row twice, and once more three tenths of them, chosen at random by the seed and the same in every
 * epoch. null where every row is used once.
 */
export function drawRows(sources: readonly Weighted[], seed: number): Uint32Array | null {
  if (sources.every(({ weight }) => weight === 1)) return null;
  const drawn = new Uint32Array(
    sources.reduce((sum, { rows, weight }) => sum + usedRows(rows.length, weight), 0),
  );
  let at = 0;
  let first = 0;
  sources.forEach(({ rows: { length }, weight }, file) => {
    for (let left = usedRows(length, weight); left > 0; left -= Math.min(left, length)) {
      const chosen = permutation(length, purpose.mixture, seed, file).subarray(0, left).sort();
      for (const row of chosen) drawn[at++] = first + row;
    }
    first += length;
  });
  return drawn;
}
