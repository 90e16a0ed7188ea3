import { permutation, purpose, unit } from './random.ts';

/** Rows that are drawn from together: how many there are and are used, and the key of the choice. */
export interface Part {
  count: number;
  used: number;
  key: number;
}

/** Rows of a file of `rows` rows that are used in an epoch; at least one. */
export function usedRows(rows: number, weight: number): number {
  return Math.max(1, Math.round(rows * weight));
}

/** The same for a part of a file: more or less by less than one row, so that the mean is the weight. */
export function usedOfPart(rows: number, weight: number, seed: number, key: number): number {
  return Math.floor(rows * weight + unit(purpose.mixture, seed, key));
}

/**
 * Which rows are used, as places among all rows, part by part: with weight 2.3 every row twice, and once
 * more three tenths of them, chosen at random by the seed and the same in every epoch. null where
 * every row is used once.
 */
export function drawRows(parts: readonly Part[], seed: number): Uint32Array | null {
  if (parts.every(({ count, used }) => count === used)) return null;
  const drawn = new Uint32Array(parts.reduce((sum, { used }) => sum + used, 0));
  let at = 0;
  let first = 0;
  for (const { count, used, key } of parts) {
    for (let left = used; left > 0; left -= Math.min(left, count)) {
      const chosen = permutation(count, purpose.mixture, seed, key).subarray(0, left).sort();
      for (const row of chosen) drawn[at++] = first + row;
    }
    first += count;
  }
  return drawn;
}
