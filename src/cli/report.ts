import { once } from 'node:events';
import { snakeCase } from '../config/table.ts';
import { env } from '../env.ts';
import { AttuneError, isRequestError } from '../errors.ts';

/** Prints an error as one line on stderr and returns the exit code: 1, 2 or 130. */
export function report(error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  const text =
    env.debug && error instanceof Error ? error.stack : message.replace(/\s*\n\s*/g, ' ');
  process.stderr.write(`error: ${text}\n`);
  if (error instanceof AttuneError && error.code === 'aborted') return 130;
  return isRequestError(error) ? 2 : 1;
}

/** Writes a result to stdout; the promise waits where the reader is slower. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(`${text}\n`)) await once(process.stdout, 'drain');
}

/** A result as one JSON document: keys in snake_case, numbers that JSON lacks as text. */
export function printJson(value: object): Promise<void> {
  return print(
    JSON.stringify(value, (_, inner: unknown) => {
      if (typeof inner === 'number' && !Number.isFinite(inner)) return String(inner);
      if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
      return Object.fromEntries(Object.entries(inner).map(([key, v]) => [snakeCase(key), v]));
    }),
  );
}
