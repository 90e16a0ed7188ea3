import { readFile } from 'node:fs/promises';
import { AttuneError } from '../errors.ts';
import { type Entry, entry } from './entry.ts';

/** The keys of a YAML or JSON file, with their lines. Throws `config`, naming file and line. */
export async function readConfigFile(path: string): Promise<Entry[]> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'no such file' : `cannot be read (${cause.code})`;
    throw new AttuneError('config', `${path}: ${reason}`, { cause });
  });
  return parseConfig(path, text);
}

/** The same, of a text; `path` is for messages. JSON is read as the YAML that it is. */
export async function parseConfig(path: string, text: string): Promise<Entry[]> {
  const { parseDocument, LineCounter, isMap, isScalar } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineOf = (offset: number) => lines.linePos(offset).line;
  const [error] = document.errors;
  if (error) throw new AttuneError('config', `${path}:${lineOf(error.pos[0])}: ${error.message}`);
  if (document.contents === null) return [];
  if (!isMap(document.contents)) {
    throw new AttuneError('config', `${path}:1: expected keys and values`);
  }
  return document.contents.items.map(({ key, value }) => {
    const line = isScalar(key) && key.range ? lineOf(key.range[0]) : 1;
    const name = isScalar(key) ? String(key.value) : '';
    if (name === '' || name === '__proto__') {
      throw new AttuneError(
        'config',
        `${path}:${line}: key ${JSON.stringify(name)} is not allowed`,
      );
    }
    return entry('file', name, plainValue(value, document, `${path}:${line}`), `${path}:${line}: `);
  });
}

/** A value without YAML's own; an alias may name nothing, or grow without end. */
function plainValue(value: unknown, document: unknown, place: string): unknown {
  try {
    return (value as { toJS?(of: unknown): unknown } | null)?.toJS?.(document) ?? null;
  } catch (cause) {
    throw new AttuneError('config', `${place}: ${(cause as Error).message}`, { cause });
  }
}
