import type { Budget } from './budget.ts';
import { compareText } from './characters.ts';
import { fail } from './failure.ts';
import { exact, floatText } from './numbers.ts';
import { Text } from './text.ts';
import { Dict, deepestValue, Float, List, Tuple, typeName, type Value } from './values.ts';
import { Writer } from './writer.ts';

export interface JsonOptions {
  ascii: boolean;
  indent: string | null;
  separators: [string, string];
  sortKeys: boolean;
}

/** The widest indentation of a line. */
const widest = 1 << 20;

/** Python's json.dumps(value), as transformers' tojson calls it. */
export function json(value: Value, options: JsonOptions, budget: Budget): Text {
  const writer = new JsonWriter(options, new Writer(budget));
  writer.write(value, 0);
  return writer.out.take();
}

class JsonWriter {
  constructor(
    private readonly options: JsonOptions,
    readonly out: Writer,
  ) {}

  write(value: Value, depth: number): void {
    if (depth > deepestValue) fail('a value is nested too deeply for tojson');
    const plain = plainJson(value);
    if (plain !== null) this.out.template(plain);
    else if (value instanceof Text) this.text(value);
    else if (value instanceof List || value instanceof Tuple) {
      this.block('[', ']', value.items, depth, (item) => this.write(item, depth + 1));
    } else if (value instanceof Dict) {
      this.block('{', '}', this.entries(value), depth, ([key, item]) => {
        this.text(key);
        this.out.template(this.options.separators[1]);
        this.write(item, depth + 1);
      });
    } else fail(`tojson: ${typeName(value)} is not JSON`);
  }

  private block<T>(
    open: string,
    close: string,
    items: readonly T[],
    depth: number,
    write: (item: T) => void,
  ): void {
    this.out.template(open);
    let separator = '';
    for (const item of items) {
      this.out.template(separator + this.newLine(depth + 1));
      separator = this.options.separators[0];
      write(item);
    }
    this.out.template((items.length > 0 ? this.newLine(depth) : '') + close);
  }

  private newLine(depth: number): string {
    const { indent } = this.options;
    if (indent === null) return '';
    if (indent.length * depth > widest) fail('tojson: the indentation is too wide');
    return `\n${indent.repeat(depth)}`;
  }

  private text(text: Text): void {
    const quoted = JSON.stringify(text.text);
    this.out.add(text.replacedBy(this.options.ascii ? asciiOnly(quoted) : quoted));
  }

  private entries(dict: Dict): [Text, Value][] {
    const entries = [...dict.items()].map(([key, item]): [Text, Value] => [jsonKey(key), item]);
    if (!this.options.sortKeys) return entries;
    if ([...dict.keys()].some((key) => !(key instanceof Text))) {
      fail('tojson: sorting keys that are not strings is not supported');
    }
    return entries.sort(([a], [b]) => compareText(a.text, b.text));
  }
}

/** JSON of a value without parts, or null. */
function plainJson(value: Value): string | null {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return String(exact(value));
  if (!(value instanceof Float)) return null;
  if (Number.isNaN(value.value)) return 'NaN';
  if (Number.isFinite(value.value)) return floatText(value.value);
  return value.value > 0 ? 'Infinity' : '-Infinity';
}

function jsonKey(key: Value): Text {
  if (key instanceof Text) return key;
  return new Text(plainJson(key) ?? fail(`tojson: a key is ${typeName(key)}`));
}

function asciiOnly(text: string): string {
  return text.replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
