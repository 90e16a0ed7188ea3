import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { temporaryFolder } from '../../../prove/lib/proof.ts';
import { RowReader } from '../../../src/data/reader.ts';
import { openSource } from '../../../src/data/source.ts';
import { Spool } from '../../../src/data/spool.ts';
import { AttuneError } from '../../../src/errors.ts';

/** Writes a file into a new directory and returns its path. */
export function file(name: string, content: string | Uint8Array): string {
  const path = join(temporaryFolder(tmpdir(), 'attune-'), name);
  writeFileSync(path, content);
  return path;
}

/** A cache directory of this process's own, for temporary rows. */
export const cache = temporaryFolder(tmpdir(), 'attune-cache-');
process.env.ATTUNE_CACHE = cache;

/** [line, value] of every row of a data file. */
export async function readRows(path: string): Promise<[number, unknown][]> {
  const spool = new Spool();
  try {
    const source = await openSource({ path, weight: 1 }, spool);
    const reader = new RowReader(source);
    try {
      return Array.from({ length: source.rows.length }, (_, i): [number, unknown] => {
        const range = source.rows.at(i);
        return [range.line, reader.read(range)];
      });
    } finally {
      reader.close();
    }
  } finally {
    spool.close();
  }
}

/** What is wrong with a file of this name and content, its path cut to its name. */
export async function problem(name: string, content: string | Uint8Array): Promise<string> {
  const path = file(name, content);
  const message = await rejection('data', readRows(path));
  assert.ok(message.startsWith(`${path}:`), message);
  return message.replace(path, name);
}

/** The message of the AttuneError with `code` that a promise must reject with. */
export async function rejection(code: string, promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert.instance(error, AttuneError, String((error as Error).stack));
    assert.is((error as AttuneError).code, code, (error as Error).message);
    return (error as AttuneError).message;
  }
  return assert.unreachable('nothing was refused') as never;
}

/** Runs `run` and returns the message of the AttuneError with `code` that it must throw. */
export function failure(code: string, run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.instance(error, AttuneError, String((error as Error).stack));
    assert.is((error as AttuneError).code, code);
    return (error as AttuneError).message;
  }
  return assert.unreachable('nothing was thrown') as never;
}
