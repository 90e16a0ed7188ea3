import { bind, type Parameter } from './arguments.ts';
import { capitalize, titleWords } from './casing.ts';
import { countPoints, isAscii, space } from './characters.ts';
import { fail } from './failure.ts';
import { formatPercent } from './format.ts';
import { type JsonOptions, json } from './json.ts';
import { lists } from './listfilters.ts';
import type { Machine } from './machine.ts';
import { attribute } from './members.ts';
import { exact, integerOf, numberOf, roundNumber } from './numbers.ts';
import { truth } from './operators.ts';
import { print } from './print.ts';
import { itemsOf, lengthOf } from './sequences.ts';
import { splitLines } from './splits.ts';
import { replaceText, stringMethods, strip, textOf } from './strings.ts';
import { empty, joinTexts, Text } from './text.ts';
import {
  Dict,
  Float,
  type Given,
  Lazy,
  List,
  Markup,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

/** A filter: of its input, with the arguments given. */
export type Filter = (input: Value, given: Given, machine: Machine) => Value;

function filter(name: string, ...parameters: Parameter[]) {
  return (run: (input: Value, values: Value[], machine: Machine) => Value): Filter =>
    (input, given, machine) =>
      run(input, bind(name, given, parameters), machine);
}

/** Text of an input: what {{ input }} would print. */
const onText = (name: string, run: (text: Text) => Value): Filter =>
  filter(name)((input, _, { budget }) => run(print(input, budget)));

const fallback: Filter = filter(
  'default',
  ['default_value', empty],
  ['boolean', false],
)((input, [value = empty, boolean = false]) =>
  input instanceof Undefined || (truth(boolean) && !truth(input)) ? value : input,
);

const length: Filter = filter('length')(
  (input) => lengthOf(input) ?? fail(`a ${typeName(input)} has no length`),
);

const escaped: Filter = onText('escape', (text) => new Markup(text.mapped(escapeHtml)));

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&#39;',
  '"': '&#34;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>'"]/g, (character) => entities[character] ?? character);
}

/** Filters by name, but those of list.ts. */
export const filters: Record<string, Filter> = {
  ...lists,
  upper: onText('upper', (text) => text.mapped((part) => part.toUpperCase())),
  lower: onText('lower', (text) => text.mapped((part) => part.toLowerCase())),
  title: onText('title', (text) => titleWords(text, space)),
  capitalize: onText('capitalize', capitalize),
  string: onText('string', (text) => text),
  wordcount: onText('wordcount', ({ text }) => text.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
  trim: filter('trim', ['chars', null])((input, [characters = null], { budget }) =>
    strip(print(input, budget), characters, true, true),
  ),
  center: filter('center', ['width', 80])(
    (input, [width = 80], machine) =>
      stringMethods.center?.(
        print(input, machine.budget),
        { list: [width], named: new Map() },
        machine,
      ) ?? null,
  ),
  replace: filter(
    'replace',
    ['old'],
    ['new'],
    ['count', null],
  )((input, [from = null, to = null, count = null], machine) =>
    replaceText(
      print(input, machine.budget),
      print(from, machine.budget).text,
      print(to, machine.budget),
      count === null ? -1 : integerOf(count, 'count'),
      machine,
    ),
  ),
  indent: filter(
    'indent',
    ['width', 4],
    ['first', false],
    ['blank', false],
  )((input, [width = 4, first = false, blank = false], { budget }) => {
    const text = textOf(input, 'what is indented');
    const size = width instanceof Text ? width.text.length : integerOf(width, 'width');
    budget.make(size);
    const by = width instanceof Text ? width : new Text(' '.repeat(Math.max(0, size)));
    const lines = splitLines(joinTexts([text, new Text('\n')]));
    budget.make(size * lines.length);
    const indented = lines.map((line, i) => {
      const skipped = i === 0 ? !truth(first) : line.text === '' && !truth(blank);
      return skipped ? line : joinTexts([by, line]);
    });
    return joinTexts(indented, new Text('\n'));
  }),
  truncate: filter(
    'truncate',
    ['length', 255],
    ['killwords', false],
    ['end', new Text('...')],
    ['leeway', null],
  )((input, [limit = 255, kill = false, end = empty, leeway = null]) => {
    const [text, ending] = [textOf(input, 'what is truncated'), textOf(end, 'end')];
    const [most, slack] = [
      integerOf(limit, 'length'),
      leeway === null ? 5 : integerOf(leeway, 'leeway'),
    ];
    const kept = most - countPoints(ending.text);
    if (kept < 0 || slack < 0) fail('truncate: the length is too small');
    if (countPoints(text.text) <= most + slack) return text;
    const cut = text.slice(0, [...text.text].slice(0, kept).join('').length);
    const space = truth(kill) ? -1 : cut.text.lastIndexOf(' ');
    return joinTexts([space < 0 ? cut : cut.slice(0, space), ending]);
  }),
  format: (input, given, { budget }) => {
    const { list, named } = given;
    if (list.length > 0 && named.size > 0) fail('format: names and positions cannot be mixed');
    const dict = new Dict();
    for (const [name, value] of named) dict.set(new Text(name), value);
    return formatPercent(print(input, budget), named.size > 0 ? dict : new Tuple(list), budget);
  },
  tojson: filter(
    'tojson',
    ['ensure_ascii', false],
    ['indent', null],
    ['separators', null],
    ['sort_keys', false],
  )((input, [ascii = false, indent = null, separators = null, sort = false], { budget }) => {
    const options = jsonOptions(truth(ascii), indent, separators, truth(sort));
    return json(input, options, budget);
  }),
  default: fallback,
  d: fallback,
  length,
  count: length,
  list: filter('list')((input, _, { budget }) => {
    const items: Value[] = [];
    for (const value of itemsOf(input)) {
      budget.makeItems(1);
      items.push(value);
    }
    return new List(items);
  }),
  items: filter('items')((input) => {
    if (input instanceof Undefined) return new Lazy([][Symbol.iterator]());
    if (!(input instanceof Dict)) fail('items needs a mapping');
    return new Lazy([...input.items()].map((pair) => new Tuple(pair))[Symbol.iterator]());
  }),
  attr: filter('attr', ['name'])((input, [name = null], machine) => {
    if (input instanceof Dict) {
      const own = attribute(new Dict(), textOf(name, 'name').text, machine);
      return own instanceof Undefined ? own : attribute(input, textOf(name, 'name').text, machine);
    }
    return attribute(input, textOf(name, 'name').text, machine);
  }),
  abs: filter('abs')((input) => {
    const number = numberOf(input) ?? fail(`a ${typeName(input)} has no absolute value`);
    return input instanceof Float ? new Float(Math.abs(number)) : Math.abs(number);
  }),
  round: filter(
    'round',
    ['precision', 0],
    ['method', new Text('common')],
  )((input, [precision = 0, method = null]) => {
    const number = numberOf(input) ?? fail(`a ${typeName(input)} cannot be rounded`);
    const digits = integerOf(precision, 'precision');
    const how = textOf(method, 'method').text;
    if (how !== 'common' && how !== 'ceil' && how !== 'floor')
      fail('method must be common, ceil or floor');
    if (how !== 'common') {
      const scaled = number * 10 ** digits;
      const whole = input instanceof Float ? Math[how](scaled) : exact(Math[how](scaled));
      return new Float(whole / 10 ** digits);
    }
    if (!(input instanceof Float))
      return digits >= 0 ? number : fail('rounding to tens is not supported');
    return new Float(roundNumber(number, digits));
  }),
  int: filter(
    'int',
    ['default', 0],
    ['base', 10],
  )((input, [otherwise = 0, base = 10]) => toInteger(input, otherwise, base)),
  float: filter('float', ['default', new Float(0)])((input, [otherwise = null]) => {
    if (input instanceof Undefined) input.fail();
    const number = input instanceof Text ? parseFloatText(input.text) : numberOf(input);
    return number === null ? otherwise : new Float(number);
  }),
  safe: onText('safe', (text) => new Markup(text)),
  escape: escaped,
  e: escaped,
  forceescape: escaped,
};

function jsonOptions(
  ascii: boolean,
  indent: Value,
  separators: Value,
  sortKeys: boolean,
): JsonOptions {
  let by: string | null = null;
  if (indent instanceof Text) by = indent.text;
  else if (indent !== null) by = ' '.repeat(Math.max(0, integerOf(indent, 'indent')));
  let pair: [string, string] = [by === null ? ', ' : ',', ': '];
  if (separators !== null) {
    const [item = null, key = null, ...more] = itemsOf(separators);
    if (more.length > 0) fail('tojson: separators must be two strings');
    pair = [textOf(item, 'separators').text, textOf(key, 'separators').text];
  }
  return { ascii, indent: by, separators: pair, sortKeys };
}

function toInteger(input: Value, otherwise: Value, base: Value): Value {
  if (input instanceof Undefined) input.fail();
  const number = numberOf(input);
  if (number !== null) {
    if (Number.isNaN(number)) return otherwise;
    return Number.isFinite(number) ? exact(Math.trunc(number)) : fail('infinity is no integer');
  }
  if (!(input instanceof Text)) return otherwise;
  if (base !== 10) fail('int with another base than 10 is not supported');
  const text = strip(input, null, true, true).text;
  if (/^[-+]?\d+(?:_\d+)*$/.test(text)) return exact(Number(text.replaceAll('_', '')));
  if (!isAscii(text)) fail('numbers of other scripts are not supported');
  const parsed = parseFloatText(text);
  return parsed === null || !Number.isFinite(parsed) ? otherwise : exact(Math.trunc(parsed));
}

/** Python's float(text), or null where that fails. */
function parseFloatText(source: string): number | null {
  const text = strip(new Text(source), null, true, true).text;
  const special = /^([-+]?)(?:(inf|infinity)|nan)$/i.exec(text);
  if (special) return special[2] ? Number(`${special[1]}Infinity`) : Number.NaN;
  const digits = '\\d+(?:_\\d+)*';
  const form = new RegExp(
    `^[-+]?(?:${digits}\\.?(?:${digits})?|\\.${digits})(?:e[-+]?${digits})?$`,
    'i',
  );
  return form.test(text) ? Number(text.replaceAll('_', '')) : null;
}
