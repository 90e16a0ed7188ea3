import { type Entry, entryError } from '../config/entry.ts';
import { readConfigFile } from '../config/file.ts';
import { parseFlags } from '../config/flags.ts';
import { type Resolved, resolveConfig } from '../config.ts';

/** Flags of a verb that are no keys of the configuration. */
export type Own<T extends string> = Record<T, unknown>;

/**
 * The words after a verb: `--config FILE`, the verb's own flags, and keys of the configuration,
 * which win over the file's. Throws `config`.
 */
export async function readWords<T extends string>(
  words: readonly string[],
  own: readonly T[],
): Promise<{ entries: Entry[]; own: Partial<Own<T>> }> {
  const found: Partial<Own<T>> = {};
  const entries: Entry[] = [];
  for (const at of parseFlags(words)) {
    if (own.includes(at.name as T)) found[at.name as T] = at.value;
    else if (at.name !== 'config') entries.push(at);
    else if (typeof at.value !== 'string') throw entryError(at, 'expected one file');
    else entries.unshift(...(await readConfigFile(at.value)));
  }
  return { entries, own: found };
}

/** The same, resolved to a configuration. */
export async function readConfig<T extends string>(
  words: readonly string[],
  own: readonly T[],
): Promise<{ resolved: Resolved; own: Partial<Own<T>> }> {
  const { entries, own: found } = await readWords(words, own);
  return { resolved: resolveConfig(entries), own: found };
}
