import { fail } from './failure.ts';
import { fromRow, Text } from './text.ts';

/**
 * A value of a template, as Python has them. Integers are numbers; null is None. Nothing here has a
 * JavaScript prototype that a template could reach: members are looked up in tables of our own.
 */
export type Value =
  | null
  | boolean
  | number
  | Float
  | Text
  | List
  | Tuple
  | Dict
  | DictView
  | Range
  | Lazy
  | Markup
  | Undefined
  | Namespace
  | Loop
  | Callable;

export class Float {
  constructor(readonly value: number) {}
}

export class List {
  constructor(readonly items: readonly Value[]) {}
}

export class Tuple {
  constructor(readonly items: readonly Value[]) {}
}

/** A group of the filter groupby. */
export class Group extends Tuple {}

export class Range {
  constructor(
    readonly start: number,
    readonly stop: number,
    readonly step: number,
  ) {}

  get length(): number {
    return Math.max(0, Math.ceil((this.stop - this.start) / this.step));
  }
}

/** What a generator of Python gives, once. */
export class Lazy {
  constructor(private items: Iterator<Value> | null) {}

  /** The items that are left; there are none afterwards. */
  *[Symbol.iterator](): Generator<Value> {
    while (this.items !== null) {
      const next = this.items.next();
      if (next.done === true) this.items = null;
      else yield next.value;
    }
  }
}

/** Text that is marked safe: it can be printed and no more. */
export class Markup {
  constructor(readonly text: Text) {}
}

/** What a name or key without a value gives: it prints as nothing; `what` says what was missing. */
export class Undefined {
  constructor(readonly what: string) {}

  fail(): never {
    return fail(this.what);
  }
}

export class Namespace {
  readonly values = new Map<string, Value>();
}

/** The variable `loop`; its members are given by the loop that runs. */
export class Loop {
  constructor(
    readonly member: (name: string) => Value | undefined,
    readonly recurse: Callable | null,
  ) {}
}

export interface Given {
  list: readonly Value[];
  named: ReadonlyMap<string, Value>;
}

export class Callable {
  constructor(
    readonly name: string,
    readonly call: (given: Given) => Value,
    readonly members: ReadonlyMap<string, Value> = new Map(),
  ) {}
}

export type Key = string | number | boolean | null;

/** A dictionary in the order of insertion, as Python has it. Keys 1, 1.0 and true are the same. */
export class Dict {
  private readonly entries = new Map<Key, [Value, Value]>();

  get size(): number {
    return this.entries.size;
  }

  set(key: Value, value: Value): void {
    const hash = keyOf(key);
    const known = this.entries.get(hash);
    if (known) known[1] = value;
    else this.entries.set(hash, [key, value]);
  }

  get(key: Value): Value | undefined {
    return this.entries.get(keyOf(key))?.[1];
  }

  getText(key: string): Value | undefined {
    return this.entries.get(key)?.[1];
  }

  *items(): Generator<[Value, Value]> {
    yield* this.entries.values();
  }

  *keys(): Generator<Value> {
    for (const [key] of this.entries.values()) yield key;
  }

  *values(): Generator<Value> {
    for (const [, value] of this.entries.values()) yield value;
  }
}

/** dict.items(), keys() or values(). */
export class DictView {
  constructor(
    readonly kind: 'items' | 'keys' | 'values',
    readonly dict: Dict,
  ) {}

  *[Symbol.iterator](): Generator<Value> {
    if (this.kind === 'keys') yield* this.dict.keys();
    else if (this.kind === 'values') yield* this.dict.values();
    else for (const [key, value] of this.dict.items()) yield new Tuple([key, value]);
  }
}

/** Numbers and booleans share their keys; strings have their own. */
function keyOf(key: Value): Key {
  if (key instanceof Text) return key.text;
  if (typeof key === 'number') return key;
  if (typeof key === 'boolean') return Number(key);
  if (key instanceof Float) return key.value;
  if (key === null) return null;
  if (key instanceof Undefined) return key as never;
  if (key instanceof Tuple) return fail('tuples as keys are not supported');
  return fail(`unhashable type: '${typeName(key)}'`);
}

/** Python's name of a value's type. */
export function typeName(value: Value): string {
  if (value === null) return 'NoneType';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return 'int';
  if (value instanceof Float) return 'float';
  if (value instanceof Text) return 'str';
  if (value instanceof List) return 'list';
  if (value instanceof Tuple) return 'tuple';
  if (value instanceof Dict) return 'dict';
  if (value instanceof DictView) return `dict_${value.kind}`;
  if (value instanceof Range) return 'range';
  if (value instanceof Lazy) return 'generator';
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof Namespace) return 'Namespace';
  if (value instanceof Markup) return 'Markup';
  return value instanceof Loop ? 'LoopContext' : 'function';
}

/** How deep values may lie in one another. */
export const deepestValue = 200;

/** Turns values of a row (what JSON can say; undefined is absent) into those of a template. */
export class RowValues {
  /** Characters of all strings, and one for each other value. */
  size = 0;

  /** Strings and keys are marked with `origin`. Whole numbers are integers. */
  convert(value: unknown, origin: number, depth = 0): Value {
    if (depth > deepestValue) fail(`the row is nested deeper than ${deepestValue} levels`);
    this.size++;
    switch (typeof value) {
      case 'string':
        this.size += value.length;
        return fromRow(value, origin);
      case 'boolean':
        return value;
      case 'number':
        return fromNumber(value);
      case 'object':
        break;
      default:
        return fail(`the row has a ${typeof value}, which JSON cannot say`);
    }
    if (value === null) return null;
    if (Array.isArray(value)) {
      return new List(value.map((item) => this.convert(item, origin, depth + 1)));
    }
    const dict = new Dict();
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    checkOrder(entries.map(([key]) => key));
    for (const [key, item] of entries) {
      this.size += key.length;
      dict.set(fromRow(key, origin), this.convert(item, origin, depth + 1));
    }
    return dict;
  }
}

/** JavaScript moves keys that are integers to the front, so their order in the file is lost. */
function checkOrder(keys: readonly string[]): void {
  if (keys.length < 2 || !/^(?:0|[1-9]\d{0,9})$/.test(keys[0] ?? '')) return;
  fail(`an object of the row has the key "${keys[0]}": keys that are integers lose their order`);
}

function fromNumber(value: number): Value {
  if (!Number.isInteger(value)) return new Float(value);
  if (Number.isSafeInteger(value)) return value + 0;
  return fail(`the row has the number ${value}, which is not exact: write it as a string`);
}
