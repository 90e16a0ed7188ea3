import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DataOptions } from '../data/options.ts';
import { addonPaths } from '../native/binding.ts';
import { readBytes } from '../read.ts';
import { tokenizerFiles } from '../tokenizer/files.ts';
import { sha256 } from './hash.ts';

/** Options that do not change how a row is encoded; any other is a part of the key. */
const irrelevant = [
  'files',
  'tokenizerDir',
  'formatting',
  'maxLength',
  'truncationMode',
  'packing',
  'packedTogether',
  'sampling',
  'seed',
  'batchSize',
  'workers',
  'readAll',
  'streaming',
  'cache',
] as const satisfies (keyof DataOptions)[];

/** Folders whose code turns rows into tokens. */
const encoder = ['data', 'template', 'tokenizer', 'worker'];

/**
 * Names what rows of `contents` (hashes of files, and how they are read) become under `options`; null
 * where that is no function of them: a function of the user's, a template that prints the time.
 */
export function encodingKey(options: DataOptions, contents: readonly string[]): string | null {
  const { tokenizerDir, chatTemplate, formatting } = options;
  if (formatting !== null) return null;
  const tokenizer = tokenizerFiles(tokenizerDir).map((name): [string, Buffer] => [
    name,
    readBytes(join(tokenizerDir, name), 'tokenizer'),
  ]);
  const templates = `${chatTemplate}${tokenizer.map(([, bytes]) => bytes).join('')}`;
  let today = '';
  if (templates.includes('strftime_now')) {
    if (/%-?[HIMSfpcXTRrsZz]/.test(templates)) return null;
    today = new Date().toDateString();
  }
  const relevant = Object.entries(options).filter(
    ([name]) => !(irrelevant as readonly string[]).includes(name),
  );
  return sha256(
    JSON.stringify([
      encoderHash(),
      process.versions,
      today,
      relevant.sort(([a], [b]) => (a < b ? -1 : 1)),
      tokenizer.map(([name, bytes]) => [name, sha256(bytes)]),
      contents,
    ]),
  );
}

/** A hash of this build's code that encodes, native code by its date, so that no other code's results are taken for its own. */
function encoderHash(): string {
  const files = encoder.flatMap((folder) => {
    const directory = fileURLToPath(new URL(`../${folder}`, import.meta.url));
    return readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .filter((name) => /(?<!\.d)\.(js|ts)$/.test(name))
      .sort()
      .map((name) => join(directory, name));
  });
  const addon = addonPaths().find((path) => existsSync(path));
  const { size, mtimeMs } = addon ? statSync(addon) : { size: 0, mtimeMs: 0 };
  return sha256(`${size} ${mtimeMs}`, ...files.map((path) => readBytes(path, 'internal')));
}
