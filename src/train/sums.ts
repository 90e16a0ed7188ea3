import type { BatchSums } from '../native/addon.d.ts';

export function emptySums(): BatchSums {
  return { loss: 0, nll: 0, entropy: 0, correct: 0, tokens: 0 };
}

/** Adds `part` into `sums`. */
export function addSums(sums: BatchSums, part: BatchSums): void {
  sums.loss += part.loss;
  sums.nll += part.nll;
  sums.entropy += part.entropy;
  sums.correct += part.correct;
  sums.tokens += part.tokens;
}
