import { makeHeader } from '../../src/checkpoint/header.ts';
import { readTensors, type StoredTensor } from '../../src/checkpoint/safetensors.ts';
import { AttuneError } from '../../src/errors.ts';
import { rule, type Target } from '../target.ts';

const file = (json: string, data: number) => {
  const length = Buffer.byteLength(json);
  const bytes = Buffer.alloc(8 + length + data);
  bytes.writeBigUInt64LE(BigInt(length));
  bytes.write(json, 8);
  return bytes;
};

const { header } = makeHeader([
  { name: 'model.norm.weight', dtype: 'F32', shape: [4] },
  { name: 'lm_head.weight', dtype: 'BF16', shape: [2, 3] },
]);

/** Tensors lie one after the other and fill the file; their sizes are those of their shapes. */
function check(tensors: readonly StoredTensor[], size: number): void {
  let end: number | null = null;
  for (const { offset, bytes, shape } of tensors) {
    rule(Number.isSafeInteger(offset) && Number.isSafeInteger(bytes), 'a place that is no integer');
    rule(end === null || offset === end, 'a gap or an overlap');
    rule(offset >= 8 && offset + bytes <= size, 'a tensor outside the file');
    rule(
      shape.every((n) => Number.isSafeInteger(n) && n >= 0),
      'a shape that is none',
    );
    end = offset + bytes;
  }
  rule(end === null || end === size, 'bytes that belong to no tensor');
}

function headerLength(input: Uint8Array): number {
  return input.length < 8 ? 0 : new DataView(input.buffer, input.byteOffset).getUint32(0, true);
}

/** How many bytes of data a header speaks of, where they are few. */
function dataOf(json: string): number | null {
  const found = [...json.matchAll(/"data_offsets":\[\d+,(\d{1,4})\]/g)];
  const ends = found.map(([, end]) => Number(end));
  return ends.length === 0 ? null : Math.max(...ends);
}

const widths: Readonly<Record<string, number>> = {
  F32: 4,
  BF16: 2,
  F16: 2,
  I64: 8,
  U8: 1,
  BOOL: 1,
};

/** Places one after the other, as the types and shapes ask for. */
function repair(header: unknown): void {
  let at = 0;
  for (const entry of Object.values(header ?? {})) {
    const { dtype, shape } = (entry ?? {}) as { dtype?: unknown; shape?: unknown };
    if (typeof dtype !== 'string' || !Array.isArray(shape)) continue;
    const bytes = shape.reduce((product, n) => product * Number(n), widths[dtype] ?? 1);
    if (!Number.isSafeInteger(bytes)) continue;
    (entry as { data_offsets: unknown }).data_offsets = [at, at + bytes];
    at += bytes;
  }
}

/** Whole files in safetensors format. */
export const target: Target = {
  name: 'safetensors',
  seeds: [
    Buffer.concat([header, Buffer.alloc(28)]),
    file('{}', 0),
    file('{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}', 4),
    file('{"a":{"dtype":"I64","shape":[0],"data_offsets":[0,0]}}   ', 0),
  ],
  words: [
    '"dtype"', '"shape"', '"data_offsets"', '"__metadata__"', '"__proto__"', '"F32"', '"BF16"',
    '"I64"', '[0,4]', '[0,0]', '{}', '[]', '"a":', 'null', '1e999',
  ], // biome-ignore format: a table
  json: false,
  repair,
  frame: {
    open: (input) => input.subarray(8, Math.min(input.length, 8 + headerLength(input))),
    close: (json, input) => {
      const text = Buffer.from(json).toString();
      return file(text, dataOf(text) ?? Math.max(0, input.length - 8 - headerLength(input)));
    },
  },
  run(input) {
    const tensors = readTensors('fuzz', input);
    check(tensors, input.length);
    return `${Math.min(3, tensors.length)} tensors`;
  },
  refuses: (error) => error instanceof AttuneError && error.code === 'checkpoint',
};
