/** The label of a position that is not trained; the addon exports the same number. */
export const IGNORE = -100;

/**
 * One micro-batch, as the engine takes it: a single flat row of T tokens, no padding, no mask
 * matrix. `segments` has S + 1 entries; document s owns [segments[s], segments[s + 1]).
 * `targets[t]` is the token that position t must predict, or IGNORE.
 */
export interface Batch {
  tokens: Int32Array;
  targets: Int32Array;
  positions: Int32Array;
  segments: Int32Array;
  /** Number of targets that are not IGNORE. */
  trained: number;
}

/**
 * Joins documents into a batch. `labels` are unshifted, as Hugging Face writes them; this is the
 * one place where they are shifted: position t predicts label t + 1 of the same document, and the
 * last position of a document predicts nothing.
 */
export function makeBatch(documents: readonly { ids: Int32Array; labels: Int32Array }[]): Batch {
  const total = documents.reduce((sum, document) => sum + document.ids.length, 0);
  const batch: Batch = {
    tokens: new Int32Array(total),
    targets: new Int32Array(total).fill(IGNORE),
    positions: new Int32Array(total),
    segments: new Int32Array(documents.length + 1),
    trained: 0,
  };
  let start = 0;
  documents.forEach(({ ids, labels }, index) => {
    batch.tokens.set(ids, start);
    batch.targets.set(labels.subarray(1), start);
    for (let i = 0; i < ids.length; i++) batch.positions[start + i] = i;
    start += ids.length;
    batch.segments[index + 1] = start;
  });
  for (const target of batch.targets) if (target !== IGNORE) batch.trained++;
  return batch;
}
