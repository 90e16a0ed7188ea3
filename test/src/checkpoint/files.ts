import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as assert from 'uvu/assert';
import { temporaryFolder } from '../../../prove/lib/proof.ts';
import { makeHeader, type TensorLayout } from '../../../src/checkpoint/header.ts';
import type { Saver } from '../../../src/checkpoint/save.ts';
import { AttuneError, type ErrorCode } from '../../../src/errors.ts';

export function temporary(): string {
  return temporaryFolder(tmpdir(), 'attune-');
}

/** A safetensors file whose header is this text. */
export function rawFile(header: string | Uint8Array, data: number, prefix?: bigint): Buffer {
  const text = Buffer.from(header);
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(prefix ?? BigInt(text.length));
  return Buffer.concat([start, text, Buffer.alloc(data)]);
}

/** Writes zeros as these tensors. */
export function writeTensors(path: string, tensors: readonly TensorLayout[]): void {
  const { header } = makeHeader(tensors);
  const bytes = tensors.reduce(
    (sum, { dtype, shape }) => sum + shape.reduce((a, b) => a * b, dtype === 'F32' ? 4 : 2),
    0,
  );
  writeFileSync(path, Buffer.concat([header, Buffer.alloc(bytes)]));
}

/** Stands for the engine where files are written: every byte of a tensor is its index. */
export const writer: Saver = {
  async snapshot(header, tensors) {
    const size = Number(Buffer.from(header).readBigUInt64LE());
    const entries = JSON.parse(Buffer.from(header.subarray(8, 8 + size)).toString());
    const ends = Object.entries(entries)
      .filter(([name]) => name !== '__metadata__')
      .map(([, entry]) => (entry as { data_offsets: [number, number] }).data_offsets[1]);
    const file = Buffer.alloc(8 + size + Math.max(0, ...ends));
    file.set(header);
    tensors.forEach(({ offset }, i) => {
      file.fill(i + 1, offset, tensors[i + 1]?.offset);
    });
    return file;
  },
  async save(path, header, tensors) {
    writeFileSync(path, await writer.snapshot(header, tensors));
  },
};

/** Asserts that a call rejects with this code and a message that has all these parts. */
export async function rejects(
  call: () => unknown,
  code: ErrorCode,
  ...parts: string[]
): Promise<void> {
  try {
    await call();
  } catch (error) {
    assert.instance(error, AttuneError);
    assert.is((error as AttuneError).code, code);
    for (const part of parts) {
      assert.ok((error as Error).message.includes(part), `${(error as Error).message} has ${part}`);
    }
    return;
  }
  assert.unreachable(`nothing was thrown; expected ${parts}`);
}
