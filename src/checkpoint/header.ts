import type { NativeDType } from '../native/addon.d.ts';

/** The dtypes that weights are read and written as, by safetensors' name. */
export const WEIGHT_DTYPES = { F32: 'float32', BF16: 'bfloat16', F16: 'float16' } as const;
export type WeightDType = keyof typeof WEIGHT_DTYPES;

/** The engine's name of a dtype; null where weights cannot have it. */
export function nativeDType(dtype: string): NativeDType | null {
  return Object.hasOwn(WEIGHT_DTYPES, dtype) ? WEIGHT_DTYPES[dtype as WeightDType] : null;
}

/** A tensor to be written. */
export interface TensorLayout {
  name: string;
  dtype: WeightDType;
  shape: readonly number[];
}

/** Bytes that a tensor takes. */
export function tensorBytes(tensor: TensorLayout): number {
  return tensor.shape.reduce((product, size) => product * size, tensor.dtype === 'F32' ? 4 : 2);
}

/**
 * The head of a safetensors file, length prefix included, and each tensor's offset from the start
 * of the file. Tensors lie in the order given; the data starts at a multiple of 8 bytes.
 */
export function makeHeader(tensors: readonly TensorLayout[]): {
  header: Uint8Array;
  offsets: number[];
} {
  const entries: [string, unknown][] = [['__metadata__', { format: 'pt' }]];
  const begins: number[] = [];
  let end = 0;
  for (const tensor of tensors) {
    const begin = end;
    end += tensorBytes(tensor);
    begins.push(begin);
    const { dtype, shape } = tensor;
    entries.push([tensor.name, { dtype, shape, data_offsets: [begin, end] }]);
  }
  const json = `{${entries.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`).join(',')}}`;
  const length = Math.ceil(Buffer.byteLength(json) / 8) * 8;
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  new TextEncoder().encodeInto(json, header.subarray(8));
  return { header, offsets: begins.map((begin) => header.length + begin) };
}
