import { readFileSync, statSync } from 'node:fs';

const largest = 256 << 20;
const notRows = 'the top level is not an array of rows';

/** Keys of a row that hold lists of objects. */
const rowLists = ['messages', 'conversations', 'prompt', 'completion', 'tools', 'documents'];

/**
 * Why a .json file that begins with an object is not one row on every line, and what to do about
 * it; null where it is.
 */
export function linesProblem(path: string): string | null {
  if (statSync(path).size > largest) return null;
  const text = readFileSync(path, 'utf8').replace(/^\ufeff/, '');
  const whole = parse(text);
  if (whole !== undefined) return wrapped(whole);
  const lines = text.split('\n', 100).filter((line) => line.trim() !== '');
  if (lines.some((line) => isObject(parse(line)))) return null;
  return `${notRows}: write [ before the first row, ] after the last and commas between`;
}

/** A file of one object: a row, or an object around the rows. */
function wrapped(value: unknown): string | null {
  if (!isObject(value)) return notRows;
  const lists = Object.entries(value).filter(
    ([key, field]) => !rowLists.includes(key) && Array.isArray(field) && isObject(field[0]),
  );
  const [name] = lists[0] ?? [];
  if (lists.length !== 1) return null;
  return `${notRows}: its rows are under "${name}"; write that array alone to the file`;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
