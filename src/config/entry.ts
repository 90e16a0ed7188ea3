import { distance } from 'fastest-levenshtein';
import { AttuneError } from '../errors.ts';
import { camelCase, kebabCase, keyNames, snakeCase } from './table.ts';

/** One key as somebody wrote it. */
export interface Entry {
  /** As written, without dashes. */
  written: string;
  /** In camelCase. */
  name: string;
  value: unknown;
  source: 'file' | 'flag' | 'option';
  /** Begins an error message: `run.yaml:3: learning_rate`, `--learning-rate` or `learningRate`. */
  label: string;
}

export function entry(source: Entry['source'], written: string, value: unknown, place = ''): Entry {
  const label = source === 'flag' ? `--${written}` : `${place}${written}`;
  return { written, name: camelCase(written), value, source, label };
}

/** A `config` error about one key. */
export function entryError(at: Entry, message: string): AttuneError {
  return new AttuneError('config', `${at.label}: ${message}`);
}

/** Text of a value in a message, shortened. */
export function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  const whole = value === undefined ? 'nothing' : JSON.stringify(value);
  return whole.length > 80 ? `${whole.slice(0, 77)}…` : whole;
}

/** An unknown key: names the nearest of those that are known, spelled as this one is. */
export function unknownKey(at: Entry, alsoKnown: readonly string[]): AttuneError {
  let best: string = keyNames[0]!;
  const plain = at.name.toLowerCase();
  for (const name of [...keyNames, ...alsoKnown]) {
    if (distance(plain, name.toLowerCase()) < distance(plain, best.toLowerCase())) best = name;
  }
  const camel = at.source === 'option' || /[a-z][A-Z]/.test(at.written);
  const near = at.source === 'flag' ? `--${kebabCase(best)}` : camel ? best : snakeCase(best);
  return new AttuneError('config', `${at.label}: unknown key; did you mean ${near}?`);
}
