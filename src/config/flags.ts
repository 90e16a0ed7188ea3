import { AttuneError } from '../errors.ts';
import { type Entry, entry } from './entry.ts';
import { camelCase, type Key, type KeyName, table } from './table.ts';
import { RENAMED } from './trl.ts';

/**
 * `--key value`, `--key=value`, `--key` and `--no-key` (true and false), and several values where
 * the key takes a list. Keys may be in any spelling. Throws `config` for a word that is no flag.
 */
export function parseFlags(words: readonly string[]): Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; at < words.length; ) {
    const word = words[at++]!;
    const [, written, inline] = /^--([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(word) ?? [];
    if (!written) {
      throw new AttuneError('config', `unexpected ${JSON.stringify(word)}; flags are --key value`);
    }
    const values: string[] = inline === undefined ? [] : [inline];
    const { many } = kindOf(written) ?? {};
    while (at < words.length && !isFlag(words[at]!) && (values.length === 0 || many)) {
      values.push(words[at++]!);
    }
    entries.push(flagEntry(written, values));
  }
  return entries;
}

function isFlag(word: string): boolean {
  return /^--[A-Za-z]/.test(word);
}

function kindOf(written: string): Key<unknown>['kind'] | undefined {
  const name = camelCase(written);
  if (name === 'data') return table.trainFile.kind;
  const key = Object.hasOwn(RENAMED, name) ? RENAMED[name]! : name;
  return Object.hasOwn(table, key) ? table[key as KeyName].kind : undefined;
}

function flagEntry(written: string, values: readonly string[]): Entry {
  const negated = written.startsWith('no-') ? written.slice(3) : '';
  if (values.length === 0) {
    if (negated) return { ...entry('flag', written, false), name: camelCase(negated) };
    return entry('flag', written, true);
  }
  const kind = kindOf(written);
  const parsed = values.map((value) => kind?.fromText(value) ?? (kind ? null : plain(value)));
  return entry('flag', written, parsed.length === 1 ? parsed[0] : parsed.flat());
}

/** The value of a flag that the table does not have: one of TRL's, or an error later on. */
function plain(value: string): unknown {
  return value === 'true' ? true : value === 'false' ? false : value;
}
