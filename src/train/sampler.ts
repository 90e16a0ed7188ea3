/** How the next token is chosen. */
export interface SamplerOptions {
  /** 0 takes the most likely token. */
  temperature: number;
  /** Only the k most likely tokens; 0 for all. */
  topK: number;
  /** The fewest most likely tokens whose probability adds up to p; 1 for all. */
  topP: number;
  seed: number;
}

/** A function from logits [V] to a token id; the same seed gives the same ids. */
export function makeSampler(options: SamplerOptions): (logits: Float32Array) => number {
  const { temperature, topK, topP } = options;
  if (temperature === 0) return argmax;
  const random = mulberry(options.seed);
  return (logits) => {
    let order = Array.from(logits, (_, id) => id);
    if (topK > 0 || topP < 1) order.sort((a, b) => logits[b]! - logits[a]! || a - b);
    if (topK > 0) order = order.slice(0, topK);
    const top = logits[argmax(logits)]!;
    const weights = order.map((id) => Math.exp((logits[id]! - top) / temperature));
    const kept = topP < 1 ? nucleus(weights, topP) : weights;
    const total = kept.reduce((sum, weight) => sum + weight, 0);
    return order[reach(kept, random() * total)]!;
  };
}

/** First index up to which the weights add up to more than `target`; the last where none does. */
function reach(weights: readonly number[], target: number): number {
  let sum = 0;
  for (const [index, weight] of weights.entries()) {
    sum += weight;
    if (sum > target) return index;
  }
  return weights.length - 1;
}

/** The first of the largest. */
function argmax(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

/** Weights, largest first, up to and including the one that reaches the share p. */
function nucleus(weights: number[], p: number): number[] {
  const target = p * weights.reduce((sum, weight) => sum + weight, 0);
  return weights.slice(0, reach(weights, target) + 1);
}

/** Mulberry32: uniform in [0, 1). */
function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
