import { readFileSync } from 'node:fs';

export interface NumpyArray {
  shape: number[];
  data: number[];
}

/** Arrays of an uncompressed .npz of float64 and int64, by name: a zip of stored .npy files. */
export function readNpz(path: string): Map<string, NumpyArray> {
  const bytes = readFileSync(path);
  const arrays = new Map<string, NumpyArray>();
  // Local file headers, one after another; numpy writes sizes in the zip64 extra field.
  for (let at = 0; bytes.readUInt32LE(at) === 0x04034b50; ) {
    if (bytes.readUInt16LE(at + 8) !== 0) throw new Error(`${path}: compressed`);
    const nameLength = bytes.readUInt16LE(at + 26);
    const extra = at + 30 + nameLength;
    const start = extra + bytes.readUInt16LE(at + 28);
    const size = bytes.readUInt32LE(at + 22);
    const length = size === 0xffffffff ? Number(bytes.readBigUInt64LE(extra + 4)) : size;
    const name = bytes.toString('utf8', at + 30, at + 30 + nameLength);
    arrays.set(name.replace(/\.npy$/, ''), parseNpy(bytes.subarray(start, start + length)));
    at = start + length;
  }
  return arrays;
}

function parseNpy(bytes: Buffer): NumpyArray {
  const start = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, start);
  const type = header.match(/'descr': '(.+?)'/)?.[1];
  const shape = header
    .match(/'shape': \((.*?)\)/)![1]!
    .split(',')
    .filter(Boolean)
    .map(Number);
  const count = shape.reduce((product, n) => product * n, 1);
  const at = (i: number) => start + 8 * i;
  const read = {
    '<f8': (i: number) => bytes.readDoubleLE(at(i)),
    '<i8': (i: number) => Number(bytes.readBigInt64LE(at(i))),
  }[type ?? ''];
  if (!read) throw new Error(`element type ${type}`);
  return { shape, data: Array.from({ length: count }, (_, i) => read(i)) };
}
