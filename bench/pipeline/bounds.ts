// What users of the pipeline may expect, and whether a measurement shows it.

export interface Bound {
  what: string;
  measured: number;
  /** The most, or the least, that it may be. */
  most?: number;
  least?: number;
}

export interface Judged extends Bound {
  passed: boolean;
}

export function judge(bounds: readonly Bound[]): Judged[] {
  return bounds.map((bound) => {
    const { measured, most = Number.POSITIVE_INFINITY, least = Number.NEGATIVE_INFINITY } = bound;
    return { ...bound, passed: measured <= most && measured >= least };
  });
}

/** How far the mean of the second half lies above that of the first, beyond twice their spread. */
export function rise(series: readonly number[]): number {
  // The first fifth fills buffers and warms the heap up.
  const settled = series.slice(Math.floor(series.length / 5));
  const half = settled.length >> 1;
  const [first, second] = [settled.slice(0, half), settled.slice(-half)];
  return mean(second) - mean(first) - 2 * Math.max(spread(first), spread(second));
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0) / numbers.length;
}

function spread(numbers: readonly number[]): number {
  const middle = mean(numbers);
  return Math.sqrt(mean(numbers.map((n) => (n - middle) ** 2)));
}

export function describe({ what, measured, most, least, passed }: Judged): string {
  const limit = most === undefined ? `at least ${least}` : `at most ${most}`;
  return `${passed ? 'passed' : 'FAILED'}: ${what}: ${Number(measured.toPrecision(4))} (${limit})`;
}
