/** Whether something that is due every `every` steps is due; below 1 it is a share of the run. */
export function isDue(step: number, every: number, total: number): boolean {
  const period = every < 1 ? Math.max(1, Math.ceil(every * total)) : every;
  return step % period === 0;
}

/**
 * Updates of a run. `rows` are documents, or packed rows, in one epoch; an epoch's last, partial
 * accumulation is an update too.
 */
export function totalSteps(
  rows: number,
  batchSize: number,
  accumulation: number,
  epochs: number,
): number {
  return Math.ceil(epochs * Math.ceil(batchesPerEpoch(rows, batchSize) / accumulation));
}

export function batchesPerEpoch(rows: number, batchSize: number): number {
  return Math.ceil(rows / batchSize);
}
