import { open } from 'node:fs/promises';
import { requireInside } from '../confined.ts';
import { AttuneError } from '../errors.ts';
import { readFull } from '../read.ts';

/** One tensor of a safetensors file. */
export interface StoredTensor {
  name: string;
  path: string;
  /** As the file spells it: F32, BF16, F16, I64 … */
  dtype: string;
  shape: number[];
  /** Bytes from the start of the file, and their number. */
  offset: number;
  bytes: number;
}

/** Bytes of an element; a dtype not listed here is an error. */
const SIZES: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
};

/** The reference implementation's limit; a longer header is hostile or no header. */
const MAX_HEADER = 100_000_000;

/** Reads a file's header. Throws `checkpoint` for anything that is not a well-formed one. */
export async function readHeader(path: string): Promise<StoredTensor[]> {
  requireInside(path, 'checkpoint');
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
    throw new AttuneError('checkpoint', `${path}: cannot be read (${cause.code})`, { cause });
  });
  try {
    const { size } = await file.stat();
    const prefix = new Uint8Array(8);
    const reading = { name: path, code: 'checkpoint' } as const;
    const bytesRead = await readFull(file, prefix, 0, reading);
    const length = bytesRead === 8 ? headerLength(path, prefix, size) : 0;
    if (length === 0) throw tooShort(path, size);
    const header = new Uint8Array(length);
    const read = await readFull(file, header, 8, reading);
    if (read !== length) throw broken(path, 'the file ends inside the header');
    return parseHeader(path, header, size);
  } finally {
    await file.close();
  }
}

/** The same, of a whole file in memory. */
export function readTensors(path: string, bytes: Uint8Array): StoredTensor[] {
  const length = bytes.length < 8 ? 0 : headerLength(path, bytes.subarray(0, 8), bytes.length);
  if (length === 0) throw tooShort(path, bytes.length);
  return parseHeader(path, bytes.subarray(8, 8 + length), bytes.length);
}

function tooShort(path: string, size: number): AttuneError {
  return broken(path, `${size} bytes are too few for a safetensors file`);
}

function broken(path: string, message: string): AttuneError {
  return new AttuneError('checkpoint', `${path}: ${message}`);
}

function headerLength(path: string, prefix: Uint8Array, size: number): number {
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER)) {
    throw broken(path, `header of ${length} bytes; at most ${MAX_HEADER} are allowed`);
  }
  if (length > BigInt(size - 8)) {
    throw broken(path, `header of ${length} bytes in a file of ${size}; truncated?`);
  }
  return Number(length);
}

/** Parses the JSON of a header; `size` is the length of the whole file in bytes. */
export function parseHeader(path: string, header: Uint8Array, size: number): StoredTensor[] {
  const start = 8 + header.length;
  const tensors = Object.entries(parseJson(path, header))
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]) => parseTensor(path, name, entry, start));
  tensors.sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  let end = start;
  for (const tensor of tensors) {
    if (tensor.offset < end) throw broken(path, `tensor ${tensor.name} overlaps the one before it`);
    if (tensor.offset > end) {
      throw broken(
        path,
        `${tensor.offset - end} bytes before tensor ${tensor.name} belong to none`,
      );
    }
    end = tensor.offset + tensor.bytes;
  }
  if (end > size) {
    throw broken(path, `tensors end at byte ${end}, the file at ${size}; truncated?`);
  }
  if (end < size) throw broken(path, `${size - end} bytes after the last tensor belong to none`);
  return tensors;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

function parseJson(path: string, header: Uint8Array): Record<string, unknown> {
  let text: string;
  let value: unknown;
  try {
    text = decoder.decode(header);
    value = JSON.parse(text);
  } catch (cause) {
    throw broken(path, `header is not JSON (${(cause as Error).message})`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw broken(path, 'header is not a JSON object');
  }
  const duplicate = duplicateKey(text, Object.keys(value).length);
  if (duplicate !== null) throw broken(path, `tensor ${duplicate} is listed twice`);
  if (Object.hasOwn(value, '__proto__')) throw broken(path, 'tensor name __proto__ is not allowed');
  return value as Record<string, unknown>;
}

/** JSON.parse keeps the last of two equal keys; this finds them among the keys at depth one. */
function duplicateKey(text: string, distinct: number): string | null {
  const seen = new Set<string>();
  let depth = 0;
  let count = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (depth === 1 && token.endsWith(':')) {
      const key = JSON.parse(token.replace(/\s*:$/, '')) as string;
      if (seen.has(key)) return key;
      seen.add(key);
      count++;
    }
  }
  return count === distinct ? null : '(unknown)';
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function parseTensor(path: string, name: string, entry: unknown, start: number): StoredTensor {
  const fail = (message: string) => broken(path, `tensor ${name}: ${message}`);
  if (typeof entry !== 'object' || entry === null) throw fail('entry is not an object');
  const { dtype, shape, data_offsets: offsets } = entry as Record<string, unknown>;
  if (typeof dtype !== 'string' || !Object.hasOwn(SIZES, dtype)) {
    throw fail(`unknown dtype ${JSON.stringify(dtype)}`);
  }
  if (!Array.isArray(shape) || !shape.every(isSize)) {
    throw fail(`shape ${JSON.stringify(shape)} is not a list of sizes`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    throw fail(`data_offsets ${JSON.stringify(offsets)} are not two byte positions`);
  }
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product, size) => product * size, SIZES[dtype]!);
  if (!Number.isSafeInteger(bytes)) throw fail(`shape ${JSON.stringify(shape)} is too large`);
  if (end - begin !== bytes) {
    throw fail(`${end - begin} bytes for ${dtype} ${JSON.stringify(shape)}, which takes ${bytes}`);
  }
  return { name, path, dtype, shape, offset: start + begin, bytes };
}
