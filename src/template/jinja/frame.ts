import type { Symbols } from './symbols.ts';
import { Undefined, type Value } from './values.ts';

/** Variables of one scope while it runs; undefined is not set. */
export class Frame {
  private readonly values = new Map<string, Value | undefined>();

  /** Enters a scope: its names get their values as Jinja decided. */
  constructor(
    symbols: Symbols,
    private readonly parent: Frame | null,
    context: ReadonlyMap<string, Value>,
  ) {
    for (const [name, load] of symbols.loads) {
      let value: Value | undefined;
      if (load === 'context') value = context.get(name);
      else if (load === 'outer') value = parent?.find(name)?.values.get(name);
      this.values.set(name, value);
    }
  }

  get(name: string): Value {
    const value = this.find(name)?.values.get(name);
    return value === undefined ? new Undefined(`'${name}' is undefined`) : value;
  }

  /** Whether a name of this scope has a value. */
  isSet(name: string): boolean {
    return this.values.get(name) !== undefined;
  }

  set(name: string, value: Value | undefined): void {
    this.values.set(name, value);
  }

  private find(name: string): Frame | null {
    if (this.values.has(name)) return this;
    return this.parent?.find(name) ?? null;
  }
}
