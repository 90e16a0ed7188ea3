/** Data sets of the tiny tokenizer, and what their batches hold. */
import * as assert from 'uvu/assert';
import type { Batch } from '../../../src/batch/batch.ts';
import { Dataset } from '../../../src/batch/dataset.ts';
import type { DataOptions } from '../../../src/data/options.ts';
import { AttuneError } from '../../../src/errors.ts';
import { tinyDirectory } from '../tokenizer/tiny.ts';
import { options } from '../worker/options.ts';

export const tokenizerDir = tinyDirectory();
export const lines = (rows: unknown[]): string => rows.map((row) => JSON.stringify(row)).join('\n');

/** Row i is i % 40 + 2 letters, and tells its number by its first four. */
export function rows(count: number): { text: string }[] {
  return Array.from({ length: count }, (_, i) => ({
    text: String(i).padStart(4, '0') + 'x'.repeat(i % 40),
  }));
}

export async function using<T>(
  changes: Partial<DataOptions>,
  run: (dataset: Dataset) => Promise<T>,
): Promise<T> {
  const dataset = await Dataset.open(options({ tokenizerDir, ...changes }));
  try {
    return await run(dataset);
  } finally {
    await dataset.close();
  }
}

export async function batches(dataset: Dataset, epoch: number, start = 0): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of dataset.batches(epoch, start)) all.push(batch);
  return all;
}

/** First four letters of every document. */
export function documents(all: readonly Batch[]): string[] {
  return all.flatMap(({ tokens, segments }) =>
    [...segments.slice(0, -1)].map((start) =>
      String.fromCharCode(...tokens.slice(start, start + 4)),
    ),
  );
}

export const numbers = (count: number): string[] => rows(count).map(({ text }) => text.slice(0, 4));

export async function rejection(promise: Promise<unknown>): Promise<AttuneError> {
  try {
    await promise;
  } catch (error) {
    assert.instance(error, AttuneError, String((error as Error).stack));
    return error as AttuneError;
  }
  return assert.unreachable('resolved') as never;
}
