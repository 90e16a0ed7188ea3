import { type Batch, IGNORE } from './batch.ts';

/**
 * A batch in parts of at most `capacity` tokens, cut between documents. Losses and gradients are
 * sums, so the parts together are the batch; only memory differs. A document longer than
 * `capacity` is a part of its own.
 */
export function inParts(batch: Batch, capacity: number): Batch[] {
  const { segments } = batch;
  const parts: Batch[] = [];
  let first = 0;
  for (let last = 1; last < segments.length; last++) {
    const next = segments[last + 1];
    if (next !== undefined && next - segments[first]! <= capacity) continue;
    parts.push(part(batch, first, last));
    first = last;
  }
  return parts;
}

/** Documents `first` to `last` - 1, as views of the batch. */
function part({ tokens, targets, positions, segments }: Batch, first: number, last: number): Batch {
  const [start, end] = [segments[first]!, segments[last]!];
  const own = targets.subarray(start, end);
  return {
    tokens: tokens.subarray(start, end),
    targets: own,
    positions: positions.subarray(start, end),
    segments: segments.slice(first, last + 1).map((at) => at - start),
    trained: own.reduce((sum, target) => sum + Number(target !== IGNORE), 0),
  };
}
