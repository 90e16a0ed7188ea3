/** Streams of random numbers that depend on their key alone. */

/** What a stream is for; a part of its key, so that no two uses share numbers. */
export const purpose = {
  records: 1,
  blocks: 2,
  rows: 3,
  lengths: 4,
  mixture: 5,
  chunks: 6,
  windows: 7,
} as const;

/** Mixes 32 bits into 32 bits; every input bit affects every output bit. */
function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
  return bits ^ (bits >>> 15);
}

/** The state that a stream with this key begins with. */
function begin(key: readonly number[]): number {
  let state = 0x9e3779b9;
  for (const word of key) {
    state = mix(state ^ (word >>> 0)) + 0x9e3779b9;
    state = mix(state ^ Math.floor(word / 2 ** 32)) + 0x85ebca6b;
  }
  return state;
}

/** A number from 0 to below 1: a function of `key` only. */
export function unit(...key: number[]): number {
  return (mix(begin(key)) >>> 0) / 2 ** 32;
}

/** A random order of 0 … count - 1: a function of `key` and `count` only. */
export function permutation(count: number, ...key: number[]): Uint32Array {
  let state = begin(key);
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    state = (state + 0x9e3779b9) | 0;
    const chosen = Math.floor(((mix(state) >>> 0) / 2 ** 32) * (last + 1));
    const swapped = order[last] as number;
    order[last] = order[chosen] as number;
    order[chosen] = swapped;
  }
  return order;
}
