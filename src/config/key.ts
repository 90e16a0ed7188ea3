import type { Kind } from './kinds.ts';

export type Group = 'model' | 'data' | 'lora' | 'training' | 'reporting';

/** One configuration key. */
export interface Key<T> {
  group: Group;
  kind: Kind<T>;
  /** undefined: it must be given, or a rule in defaults.ts fills it in. */
  fallback: T | undefined;
  /** One line for --help. */
  doc: string;
}

/** A key of the table. */
export function key<T>(group: Group, kind: Kind<T>, fallback: T | undefined, doc: string): Key<T> {
  return { group, kind, fallback, doc };
}
