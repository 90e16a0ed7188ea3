import type { Budget } from './budget.ts';
import { fail } from './failure.ts';
import { exact, floatText } from './numbers.ts';
import { Text } from './text.ts';
import {
  Dict,
  DictView,
  deepestValue,
  Float,
  List,
  Markup,
  Range,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';
import { Writer } from './writer.ts';

/** Python's str(value), which is what {{ value }} prints. */
export function print(value: Value, budget: Budget): Text {
  if (value instanceof Text) return value;
  if (value instanceof Markup) return value.text;
  if (value instanceof Undefined) return new Text('');
  return repr(value, budget);
}

/** Python's repr(value). */
export function repr(value: Value, budget: Budget): Text {
  const writer = new Writer(budget);
  write(value, writer, 0);
  return writer.take();
}

function write(value: Value, out: Writer, depth: number): void {
  if (depth > deepestValue) fail('a value is nested too deeply to print');
  const plain = plainText(value);
  if (plain !== null) out.template(plain);
  else if (value instanceof Text) out.add(value.replacedBy(quoted(value.text)));
  else if (value instanceof List) writeItems('[', value.items, ']', out, depth);
  else if (value instanceof Dict) writeDict(value, out, depth);
  else if (value instanceof DictView) writeItems(`dict_${value.kind}([`, value, '])', out, depth);
  else if (value instanceof Tuple) {
    writeItems('(', value.items, value.items.length === 1 ? ',)' : ')', out, depth);
  } else fail(`printing a ${typeName(value)} is not supported`);
}

/** Text of a value without parts, or null. */
function plainText(value: Value): string | null {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(exact(value));
  if (value instanceof Float) return floatText(value.value);
  if (value instanceof Undefined) return 'Undefined';
  if (!(value instanceof Range)) return null;
  const { start, stop, step } = value;
  return `range(${start}, ${stop}${step === 1 ? '' : `, ${step}`})`;
}

function writeItems(
  open: string,
  items: Iterable<Value>,
  close: string,
  out: Writer,
  depth: number,
): void {
  out.template(open);
  let separator = '';
  for (const item of items) {
    out.template(separator);
    separator = ', ';
    write(item, out, depth + 1);
  }
  out.template(close);
}

function writeDict(value: Dict, out: Writer, depth: number): void {
  out.template('{');
  let separator = '';
  for (const [key, item] of value.items()) {
    out.template(separator);
    separator = ', ';
    write(key, out, depth + 1);
    out.template(': ');
    write(item, out, depth + 1);
  }
  out.template('}');
}

const named: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

/** Python's repr of a string: single quotes unless only they are in it, what cannot be seen escaped. */
function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\'"]|(?! )[\p{C}\p{Z}]/gu, (character) => {
    if (character === "'" || character === '"') {
      return character === quote ? `\\${quote}` : character;
    }
    return named[character] ?? escapedPoint(character.codePointAt(0) as number);
  });
  return quote + escaped + quote;
}

function escapedPoint(point: number): string {
  const hex = (digits: number): string => point.toString(16).padStart(digits, '0');
  if (point < 0x100) return `\\x${hex(2)}`;
  return point < 0x10000 ? `\\u${hex(4)}` : `\\U${hex(8)}`;
}
