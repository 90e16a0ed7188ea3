import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { AttuneError, RowError } from '../errors.ts';
import type { Place } from './record.ts';

/**
 * A function of the user's that makes a row of what a file holds, as the module that exports it: a
 * path, a file URL or a data URL of its text, and the export's name after `#` where it is not the
 * default. It runs in the threads that read, which share no variables: each thread imports it.
 *
 * The function takes a row (any JSON value) and returns one in a shape that is read, or a string,
 * which is a row of plain text. It must not be async.
 */
export type Formatting = string;

/** The function, as it is called for every row. Throws RowError. */
export type Formatter = (row: unknown, place: Place) => unknown;

/**
 * Imports a formatting function; without one, rows stay as they are. `textField` is the column that
 * a returned string becomes. Throws `config` where there is none.
 */
export async function loadFormatter(
  formatting: Formatting | null,
  textField: string,
): Promise<Formatter> {
  if (formatting === null) return (row) => row;
  const { url, name } = locate(formatting);
  const isText = url.startsWith('data:');
  const fail = (reason: string): never => {
    const given = isText ? 'the function' : formatting;
    throw new AttuneError('config', `formatting_func: ${given}: ${reason}`);
  };
  const isThere = isText || statSync(fileURLToPath(url), { throwIfNoEntry: false })?.isFile();
  if (!isThere) return fail('no such file');
  const module = await import(url).catch((error: unknown) => fail((error as Error).message));
  const run: unknown = module[name];
  if (typeof run !== 'function') {
    const found = Object.keys(module).join(', ') || 'nothing';
    return fail(`no function is exported as ${name}; the module exports ${found}`);
  }
  return (row, place) => {
    let made: unknown;
    try {
      made = run(row);
    } catch (error) {
      const alone = isText && error instanceof ReferenceError ? lost : '';
      const reason = `${error instanceof Error ? error.message : String(error)}${alone}`;
      throw new RowError(place.file, place.line, `formatting_func: ${reason}`);
    }
    if (typeof made === 'string') return { [textField]: made };
    if (typeof made === 'object' && made !== null && !(made instanceof Promise)) return made;
    const what = made instanceof Promise ? 'a promise: it must not be async' : String(made);
    throw new RowError(
      place.file,
      place.line,
      `formatting_func must return a row or a string, and returned ${what}`,
    );
  };
}

/** What is wrong with a function that names what it does not hold. */
const lost =
  ': threads run the text of a function, without the variables around it; put them inside, or name a module';

function locate(formatting: Formatting): { url: string; name: string } {
  const hash = formatting.lastIndexOf('#');
  const [module, name] =
    hash < 0 ? [formatting, 'default'] : [formatting.slice(0, hash), formatting.slice(hash + 1)];
  const url = /^(file|data):/.test(module) ? module : pathToFileURL(resolve(module)).href;
  return { url, name };
}
