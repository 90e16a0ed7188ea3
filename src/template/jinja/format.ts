import type { Budget } from './budget.ts';
import { countPoints } from './characters.ts';
import { fail } from './failure.ts';
import { exact, fixed, floatText, numberOf } from './numbers.ts';
import { print, repr } from './print.ts';
import { Text, TextBuilder } from './text.ts';
import { Dict, Float, Tuple, typeName, type Value } from './values.ts';

const percent = /%(?:\(([^()]*)\))?([-+ 0#]*)(\d*)(?:\.(\d*))?([a-zA-Z%])/y;

/** Python's `format % values`. */
export function formatPercent(format: Text, given: Value, budget: Budget): Text {
  const builder = new TextBuilder();
  const values = given instanceof Tuple ? given.items : [given];
  let used = 0;
  let at = 0;
  for (;;) {
    const start = format.text.indexOf('%', at);
    if (start < 0) break;
    builder.add(format.slice(at, start));
    percent.lastIndex = start;
    const found = percent.exec(format.text);
    if (found === null) fail('an incomplete or unknown % in a format');
    at = start + found[0].length;
    const [, name, flags = '', width = '', precision, type] = found;
    if (type === '%') {
      builder.add(new Text('%'));
      continue;
    }
    let value: Value | undefined;
    if (name === undefined) value = values[used++];
    else if (given instanceof Dict) value = given.getText(name);
    else fail('a format with names needs a dictionary');
    if (value === undefined) fail('not enough arguments for the format');
    const digits = precision === undefined ? null : Number(precision);
    budget.make(Number(width));
    builder.add(padded(conversion(value, type ?? '', digits, flags, budget), Number(width), flags));
  }
  builder.add(format.slice(at));
  if (used < values.length && !(given instanceof Dict))
    fail('not all arguments of a format are used');
  return builder.take();
}

function conversion(
  value: Value,
  type: string,
  digits: number | null,
  flags: string,
  budget: Budget,
): Text {
  if (type === 's' || type === 'r') {
    const text = type === 's' ? print(value, budget) : repr(value, budget);
    return digits === null ? text : cut(text, digits);
  }
  const number = numberOf(value);
  if (number === null) return fail(`%${type} needs a number, not ${typeName(value)}`);
  if (flags.includes('#')) fail('the flag # in a format is not supported');
  if (type === 'd' || type === 'i') return signedText(String(exact(Math.trunc(number))), flags);
  if (type === 'f' || type === 'F') return signedText(decimals(number, digits ?? 6), flags);
  if (type === 'x' || type === 'X' || type === 'o') {
    if (value instanceof Float) return fail(`%${type} needs an integer`);
    const text = number.toString(type === 'o' ? 8 : 16);
    return signedText(type === 'X' ? text.toUpperCase() : text, flags);
  }
  return fail(`%${type} in a format is not supported`);
}

function decimals(number: number, digits: number): string {
  return Number.isFinite(number) ? fixed(number, digits) : floatText(number);
}

function signedText(text: string, flags: string): Text {
  if (text.startsWith('-')) return new Text(text);
  return new Text((flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '') + text);
}

function padded(text: Text, width: number, flags: string): Text {
  const missing = width - countPoints(text.text);
  if (missing <= 0) return text;
  const builder = new TextBuilder();
  const zeros =
    flags.includes('0') && !flags.includes('-') && /^[-+ ]?[\da-fA-F.]+$/.test(text.text);
  if (zeros && text.marks.length === 0) {
    const sign = /^[-+ ]/.test(text.text) ? text.text.slice(0, 1) : '';
    return new Text(sign + '0'.repeat(missing) + text.text.slice(sign.length));
  }
  if (!flags.includes('-')) builder.add(new Text(' '.repeat(missing)));
  builder.add(text);
  if (flags.includes('-')) builder.add(new Text(' '.repeat(missing)));
  return builder.take();
}

function cut(text: Text, points: number): Text {
  return text.slice(0, [...text.text].slice(0, points).join('').length);
}

/** What stands in the braces of str.format: a name or number, a conversion, a specification. */
const field = /\{\{|\}\}|\{([^{}!:]*)(?:!([rs]))?(?::([^{}]*))?\}|[{}]/g;

/** Python's str.format. `lookUp` gives the value of a field name; '' is the next one. */
export function formatBraces(format: Text, lookUp: (name: string) => Value, budget: Budget): Text {
  const builder = new TextBuilder();
  let at = 0;
  for (const found of format.text.matchAll(field)) {
    const [whole, name, convert, specification = ''] = found;
    builder.add(format.slice(at, found.index));
    at = found.index + whole.length;
    if (whole === '{{' || whole === '}}') {
      builder.add(new Text(whole.slice(1)));
    } else {
      if (name === undefined) fail('a single brace in a format');
      const value = lookUp(name);
      const shown =
        convert === 'r' ? repr(value, budget) : convert === 's' ? print(value, budget) : value;
      builder.add(specified(shown, specification, budget));
    }
  }
  builder.add(format.slice(at));
  return builder.take();
}

const specification = /^(?:(.)?([<>^]))?([-+ ])?(0)?(\d*)(,)?(?:\.(\d+))?([sdf%])?$/su;

/** Python's format(value, specification), for strings and common forms of numbers. */
export function specified(value: Value, text: string, budget: Budget): Text {
  if (text === '') return print(value, budget);
  const found = specification.exec(text);
  const [, fill = ' ', side, sign = '', zero, width = '', comma, digits, type] = found ?? [];
  const number = numberOf(value);
  const known =
    number !== null && typeof value !== 'boolean' ? type !== 's' : value instanceof Text;
  if (found === null || !known) fail(`the format ${text} of a ${typeName(value)} is not supported`);
  budget.make(Number(width));
  let shown: Text;
  if (number === null) {
    if ((type ?? 's') !== 's' || sign || zero || comma)
      fail(`the format ${text} is not one of strings`);
    shown = digits === undefined ? (value as Text) : cut(value as Text, Number(digits));
  } else {
    shown = new Text(numberText(value, number, digits, type, comma !== undefined, sign));
  }
  const missing = Math.max(0, Number(width) - countPoints(shown.text));
  if (zero && !side) {
    if (comma) fail(`the format ${text} is not supported`);
    return padded(shown, Number(width), '0');
  }
  const place = side ?? (number === null ? '<' : '>');
  const left = place === '>' ? missing : place === '^' ? Math.floor(missing / 2) : 0;
  const builder = new TextBuilder();
  builder.add(new Text(fill.repeat(left)));
  builder.add(shown);
  builder.add(new Text(fill.repeat(missing - left)));
  return builder.take();
}

function numberText(
  value: Value,
  number: number,
  digits: string | undefined,
  type: string | undefined,
  comma: boolean,
  sign: string,
): string {
  if (type === undefined && value instanceof Float && (digits !== undefined || comma)) {
    fail('a format of a float needs f');
  }
  if ((type === 'd' && value instanceof Float) || (digits !== undefined && (type ?? 'd') === 'd')) {
    fail('a format of integers does not fit');
  }
  let text: string;
  if (type === 'f') text = decimals(number, Number(digits ?? 6));
  else if (type === '%') text = `${decimals(number * 100, Number(digits ?? 6))}%`;
  else text = value instanceof Float ? floatText(number) : String(exact(number));
  if (comma) text = text.replace(/\d+/, (whole) => whole.replace(/\B(?=(?:\d{3})+$)/g, ','));
  return signedText(text, sign).text;
}
