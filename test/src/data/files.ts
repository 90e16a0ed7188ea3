import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { AttuneError } from '../../../src/errors.ts';

/** Writes a file into a new directory and returns its path. */
export function file(name: string, content: string | Uint8Array): string {
  const path = join(mkdtempSync(join(tmpdir(), 'attune-')), name);
  writeFileSync(path, content);
  return path;
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
