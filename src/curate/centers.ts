/** Rows chosen, and how the others lie to them. */
export interface Centers {
  /** In the order they were chosen. */
  chosen: number[];
  /** Of each row, the chosen row that is nearest: an index into `chosen`. */
  nearest: Int32Array;
  /** Of each row, the cosine with that one. */
  similarity: Float32Array;
}

/** More than any cosine: a row is chosen once, even one without words, which is like none. */
const isChosen = 3;

/**
 * k-center by the greedy rule: again and again the row that is farthest from all that are chosen
 * (Gonzalez 1985; for training data Sener and Savarese 2018). The largest distance from a row to
 * what is chosen is at most twice the least possible. The first is the row nearest the mean; of
 * equals the one that comes first. `vectors` [rows, size] have length 1; time rows · count · size.
 */
export async function chooseCenters(
  vectors: Float32Array,
  size: number,
  count: number,
  step: (chosen: number) => Promise<void> | undefined,
): Promise<Centers> {
  const rows = vectors.length / size;
  const similarity = new Float32Array(rows).fill(-2);
  const nearest = new Int32Array(rows);
  const chosen: number[] = [];
  let next = nearestToMean(vectors, size);
  while (chosen.length < count) {
    await step(chosen.length);
    const center = vectors.subarray(next * size, (next + 1) * size);
    chosen.push(next);
    similarity[next] = isChosen;
    next = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let row = 0; row < rows; row++) {
      const cosine = dot(vectors, row * size, center);
      if (cosine > (similarity[row] as number)) {
        similarity[row] = cosine;
        nearest[row] = chosen.length - 1;
      }
      if ((similarity[row] as number) < least) {
        least = similarity[row] as number;
        next = row;
      }
    }
  }
  for (const [i, row] of chosen.entries()) {
    similarity[row] = 1;
    nearest[row] = i;
  }
  return { chosen, nearest, similarity };
}

function nearestToMean(vectors: Float32Array, size: number): number {
  const mean = new Float64Array(size);
  for (let i = 0; i < vectors.length; i++) {
    mean[i % size] = (mean[i % size] as number) + (vectors[i] as number);
  }
  let best = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < vectors.length / size; row++) {
    const cosine = dot(vectors, row * size, mean);
    if (cosine > most) {
      most = cosine;
      best = row;
    }
  }
  return best;
}

function dot(vectors: Float32Array, start: number, other: Float32Array | Float64Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < other.length; i += 4) {
    a += (vectors[start + i] as number) * (other[i] as number);
    b += (vectors[start + i + 1] as number) * (other[i + 1] as number);
    c += (vectors[start + i + 2] as number) * (other[i + 2] as number);
    d += (vectors[start + i + 3] as number) * (other[i + 3] as number);
  }
  return a + b + (c + d);
}
