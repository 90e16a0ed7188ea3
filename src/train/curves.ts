/** Settings of a schedule; every factor is of the peak learning rate. */
export interface Curve {
  /** Updates of warm-up, and of the whole run. */
  warmup: number;
  total: number;
  cycles: number;
  /** Share of the peak that the curve ends at. */
  floor: number;
}

/** Factor at `step`, the number of updates done before. */
type Factor = (step: number) => number;

/** A straight rise from 0 over the warm-up, then `rest`. */
function afterWarmup(warmup: number, rest: Factor): Factor {
  return (step) => (step < warmup ? step / Math.max(1, warmup) : rest(step));
}

/** Share of the way from the end of the warm-up to the end of the run. */
function progress(step: number, { warmup, total }: Curve): number {
  return (step - warmup) / Math.max(1, total - warmup);
}

function wave(cycles: number, share: number): number {
  return 0.5 * (1 + Math.cos(Math.PI * cycles * 2 * share));
}

function raised(factor: number, floor: number): number {
  return Math.max(0, factor * (1 - floor) + floor);
}

export const constant = (warmup: number): Factor => afterWarmup(warmup, () => 1);

export function linear({ warmup, total }: Curve): Factor {
  return afterWarmup(warmup, (step) => Math.max(0, (total - step) / Math.max(1, total - warmup)));
}

/** Half a wave by default, ending at the floor. */
export function cosine(curve: Curve): Factor {
  return afterWarmup(curve.warmup, (step) =>
    raised(wave(curve.cycles, progress(step, curve)), curve.floor),
  );
}

/** The same with a warm-up that does not begin at 0: `first` is the share of its first update. */
export function cosineFromAbove(curve: Curve, first: number | null): Factor {
  const { warmup, total, cycles, floor } = curve;
  return (step) => {
    if (step < warmup) {
      if (first === null) return (step + 1) / Math.max(1, warmup);
      return first + ((1 - first) * step) / Math.max(1, warmup - 1);
    }
    const share = (step - warmup + 1) / Math.max(1, total - warmup);
    return raised(wave(cycles, share), floor);
  };
}

/** A wave's first half, `cycles` times. */
export function restarts(curve: Curve): Factor {
  return afterWarmup(curve.warmup, (step) => {
    const share = progress(step, curve);
    return share >= 1
      ? 0
      : Math.max(0, 0.5 * (1 + Math.cos(Math.PI * ((curve.cycles * share) % 1))));
  });
}

export function polynomial({ warmup, total, floor }: Curve, power: number): Factor {
  return afterWarmup(warmup, (step) => {
    if (step > total) return floor;
    const left = 1 - (step - warmup) / (total - warmup);
    return (1 - floor) * left ** power + floor;
  });
}

export function inverseSqrt(warmup: number, timescale: number): Factor {
  return afterWarmup(warmup, (step) => 1 / Math.sqrt((step + timescale - warmup) / timescale));
}

export type Ramp = 'linear' | 'cosine' | '1-sqrt';

/** Rise, plateau of `stable` updates, fall over `decay` updates, then the floor. */
export function stableDecay(
  curve: Curve,
  stable: number,
  decay: number,
  rise: Ramp,
  fall: Ramp,
): Factor {
  const { warmup, cycles, floor } = curve;
  const up = (share: number) =>
    rise === 'linear' ? share : rise === 'cosine' ? 1 - wave(0.5, share) : 1 - Math.sqrt(1 - share);
  const down = (share: number) =>
    fall === 'linear' ? 1 - share : fall === 'cosine' ? wave(cycles, share) : 1 - Math.sqrt(share);
  return (step) => {
    if (step < warmup) return raised(up(step / Math.max(1, warmup)), floor);
    if (step < warmup + stable) return 1;
    if (step >= warmup + stable + decay) return floor;
    return raised(down((step - warmup - stable) / Math.max(1, decay)), floor);
  };
}
