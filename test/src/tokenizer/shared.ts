import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');

/** A path in the shared folder beside the project. */
export function shared(...parts: string[]): string {
  return join(root, '../shared', ...parts);
}

/** A test that needs files of the shared folder; without them it is counted as skipped. */
export function sharedTest(name: string, paths: string[], run: () => void | Promise<void>): void {
  const absent = paths.find((path) => !existsSync(path));
  if (absent === undefined) test(name, run);
  else test.skip(`${name} (skipped: ${absent} is absent)`, run);
}
