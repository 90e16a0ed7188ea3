import { readFile } from 'node:fs/promises';
import { requireInside } from '../confined.ts';
import { AttuneError } from '../errors.ts';

/** Reads a file that must hold one JSON object. Throws `checkpoint`; null where it does not exist. */
export async function readJsonIfPresent(path: string): Promise<Record<string, unknown> | null> {
  requireInside(path, 'checkpoint');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw new AttuneError('checkpoint', `${path}: cannot be read (${code})`, { cause });
  }
  return parseObject(path, text);
}

/** The JSON object that a file's text is. Throws `checkpoint`. */
export function parseObject(path: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AttuneError('checkpoint', `${path}: not JSON (${(cause as Error).message})`, {
      cause,
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new AttuneError('checkpoint', `${path}: expected a JSON object`);
  }
  return value as Record<string, unknown>;
}

/** The same, where the file must exist. */
export async function readJson(path: string): Promise<Record<string, unknown>> {
  const value = await readJsonIfPresent(path);
  if (value === null) throw new AttuneError('checkpoint', `${path}: no such file`);
  return value;
}
