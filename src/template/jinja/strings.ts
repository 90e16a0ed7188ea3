import { bind, type Parameter } from './arguments.ts';
import { capitalize, isCase, titleCase } from './casing.ts';
import { countPoints, isAscii, isSpace, pointOffset, space, trimmed } from './characters.ts';
import { fail } from './failure.ts';
import { formatBraces } from './format.ts';
import type { Machine, Method } from './machine.ts';
import { integerOf } from './numbers.ts';
import { itemsOf } from './sequences.ts';
import { partition, splitAt, splitAtLast, splitLines, splitWords } from './splits.ts';
import { joinTexts, Text, TextBuilder } from './text.ts';
import { List, Tuple, typeName, type Value } from './values.ts';

/** The text of an argument. */
export function textOf(value: Value, what: string): Text {
  return value instanceof Text ? value : fail(`${what} must be a string, not ${typeName(value)}`);
}

function positional(name: string, ...parameters: Parameter[]) {
  return (run: (self: Text, values: Value[], machine: Machine) => Value): Method<Text> =>
    (self, given, machine) =>
      run(self, bind(name, given, parameters, { positional: true }), machine);
}

/** Python's str.strip and its sides. */
export function strip(self: Text, characters: Value, left: boolean, right: boolean): Text {
  let drops = isSpace;
  if (characters !== null) {
    const set = new Set(textOf(characters, 'the characters to strip').text);
    drops = (character) => set.has(character);
  }
  return self.slice(...trimmed(self.text, { left, right, drops }));
}

/** Python's str.replace; a `count` below 0 is no limit. */
export function replaceText(
  self: Text,
  from: string,
  to: Text,
  count: number,
  { budget }: Machine,
): Text {
  const builder = new TextBuilder();
  let done = 0;
  let left = count < 0 ? Number.POSITIVE_INFINITY : count;
  let at = from === '' ? 0 : self.text.indexOf(from);
  while (left-- > 0 && at >= 0 && at <= self.text.length) {
    budget.make(to.text.length + 1);
    builder.add(self.slice(done, at));
    builder.add(to);
    done = at + from.length;
    if (from === '') at += at < self.text.length ? pointOffset(self.text.slice(at, at + 2), 1) : 1;
    else at = self.text.indexOf(from, done);
  }
  builder.add(self.slice(done));
  return builder.take();
}

const split =
  (name: string, fromRight: boolean): Method<Text> =>
  (self, given, { budget }) => {
    const [separator = null, maximum = -1] = bind(name, given, [
      ['sep', null],
      ['maxsplit', -1],
    ]);
    const limit = integerOf(maximum, 'maxsplit');
    budget.make(self.text.length);
    if (separator === null) return new List(splitWords(self, limit, fromRight));
    const text = textOf(separator, 'sep').text;
    return new List((fromRight ? splitAtLast : splitAt)(self, text, limit));
  };

/** Python's startswith and endswith, of a string or a tuple of them, within a slice. */
function hasEdge(self: Text, [edge, start, stop]: Value[], name: string, atEnd: boolean): boolean {
  const [from, to] = place(self, start ?? null, stop ?? null);
  const edges = edge instanceof Tuple ? edge.items : [edge as Value];
  const inside = self.text.slice(from, to);
  return edges.some((each) => {
    const { text } = textOf(each, `${name}'s argument`);
    if (from > self.text.length || from > to) return false;
    return atEnd ? inside.endsWith(text) : inside.startsWith(text);
  });
}

/** UTF-16 bounds of [start:stop]. */
function place(self: Text, start: Value, stop: Value): [number, number] {
  const length = countPoints(self.text);
  const at = (bound: Value, fallback: number): number => {
    if (bound === null) return fallback;
    const index = integerOf(bound, 'a bound');
    return Math.max(0, index < 0 ? index + length : index);
  };
  const [from, to] = [at(start, 0), Math.min(at(stop, length), length)];
  if (from > length) return [self.text.length + 1, self.text.length];
  return [pointOffset(self.text, from), pointOffset(self.text, to)];
}

function find(self: Text, [part, start, stop]: Value[], last: boolean): number {
  const [from, to] = place(self, start ?? null, stop ?? null);
  const { text } = textOf(part as Value, 'what is looked for');
  if (from > to) return -1;
  const inside = self.text.slice(from, to);
  const at = last ? inside.lastIndexOf(text) : inside.indexOf(text);
  return at < 0 ? -1 : countPoints(self.text.slice(0, from + at));
}

function found(position: number): number {
  return position < 0 ? fail('substring not found') : position;
}

function pad(
  self: Text,
  width: Value,
  fill: Value,
  side: 'left' | 'right' | 'both',
  { budget }: Machine,
): Text {
  const size = integerOf(width, 'the width');
  const padding = textOf(fill, 'the fill character');
  if (countPoints(padding.text) !== 1) fail('the fill must be one character');
  const missing = Math.max(0, size - countPoints(self.text));
  budget.make(missing);
  // Python puts the odd blank of center() to the left where the width is odd.
  const half = Math.floor(missing / 2) + (missing & size & 1);
  const left = side === 'left' ? missing : side === 'both' ? half : 0;
  const filled = (count: number): Text => new Text(padding.text.repeat(count));
  return joinTexts([filled(left), self, filled(missing - left)]);
}

/** Whether every character, and there is one, is of a class; null where that is not known here. */
const every =
  (pattern: RegExp, unknown = /(?!)/): Method<Text> =>
  ({ text }) =>
    unknown.test(text) ? fail('numbers of other scripts are not supported') : pattern.test(text);

const bounds: Parameter[] = [
  ['start', null],
  ['end', null],
];
const found1 = (name: string): Parameter[] => [[name], ...bounds];

/** Methods of strings. */
export const stringMethods: Record<string, Method<Text>> = {
  upper: positional('upper')((self) => self.mapped((text) => text.toUpperCase())),
  lower: positional('lower')((self) => self.mapped((text) => text.toLowerCase())),
  title: positional('title')((self) => titleCase(self)),
  capitalize: positional('capitalize')((self) => capitalize(self)),
  strip: positional('strip', ['chars', null])((self, [chars = null]) =>
    strip(self, chars, true, true),
  ),
  lstrip: positional('lstrip', ['chars', null])((self, [chars = null]) =>
    strip(self, chars, true, false),
  ),
  rstrip: positional('rstrip', ['chars', null])((self, [chars = null]) =>
    strip(self, chars, false, true),
  ),
  startswith: positional(
    'startswith',
    ...found1('prefix'),
  )((self, values) => hasEdge(self, values, 'startswith', false)),
  endswith: positional(
    'endswith',
    ...found1('suffix'),
  )((self, values) => hasEdge(self, values, 'endswith', true)),
  find: positional('find', ...found1('sub'))((self, values) => find(self, values, false)),
  rfind: positional('rfind', ...found1('sub'))((self, values) => find(self, values, true)),
  index: positional('index', ...found1('sub'))((self, values) => found(find(self, values, false))),
  rindex: positional('rindex', ...found1('sub'))((self, values) => found(find(self, values, true))),
  count: positional(
    'count',
    ...found1('sub'),
  )((self, [part, start, stop]) => {
    const [from, to] = place(self, start ?? null, stop ?? null);
    const { text } = textOf(part as Value, 'what is counted');
    if (from > to) return 0;
    const inside = self.text.slice(from, to);
    return text === '' ? countPoints(inside) + 1 : inside.split(text).length - 1;
  }),
  replace: positional(
    'replace',
    ['old'],
    ['new'],
    ['count', -1],
  )((self, [from, to, count], machine) =>
    replaceText(
      self,
      textOf(from as Value, 'old').text,
      textOf(to as Value, 'new'),
      integerOf(count as Value, 'count'),
      machine,
    ),
  ),
  split: split('split', false),
  rsplit: split('rsplit', true),
  splitlines: (self, given) => {
    const [keepEnds = false] = bind('splitlines', given, [['keepends', false]]);
    return new List(
      splitLines(self, keepEnds === true || (typeof keepEnds === 'number' && keepEnds !== 0)),
    );
  },
  partition: positional('partition', ['sep'])((self, [separator]) =>
    partition(self, textOf(separator as Value, 'sep').text, false),
  ),
  rpartition: positional('rpartition', ['sep'])((self, [separator]) =>
    partition(self, textOf(separator as Value, 'sep').text, true),
  ),
  join: positional('join', ['iterable'])((self, [parts], { budget }) => {
    const texts = [...itemsOf(parts as Value)].map((part) => textOf(part, 'an item to join'));
    for (const { text } of texts) budget.make(text.length + self.text.length);
    return joinTexts(texts, self);
  }),
  removeprefix: positional('removeprefix', ['prefix'])((self, [prefix]) => {
    const { text } = textOf(prefix as Value, 'the prefix');
    return self.text.startsWith(text) ? self.slice(text.length) : self;
  }),
  removesuffix: positional('removesuffix', ['suffix'])((self, [suffix]) => {
    const { text } = textOf(suffix as Value, 'the suffix');
    return self.text.endsWith(text) ? self.slice(0, self.text.length - text.length) : self;
  }),
  ljust: positional(
    'ljust',
    ['width'],
    ['fill', new Text(' ')],
  )((self, [width, fill], machine) => pad(self, width as Value, fill as Value, 'right', machine)),
  rjust: positional(
    'rjust',
    ['width'],
    ['fill', new Text(' ')],
  )((self, [width, fill], machine) => pad(self, width as Value, fill as Value, 'left', machine)),
  center: positional(
    'center',
    ['width'],
    ['fill', new Text(' ')],
  )((self, [width, fill], machine) => pad(self, width as Value, fill as Value, 'both', machine)),
  zfill: positional('zfill', ['width'])((self, [width], { budget }) => {
    const missing = Math.max(0, integerOf(width as Value, 'the width') - countPoints(self.text));
    budget.make(missing);
    const sign = /^[-+]/.test(self.text) ? 1 : 0;
    return joinTexts([self.slice(0, sign), new Text('0'.repeat(missing)), self.slice(sign)]);
  }),
  format: (self, given, { budget }) => {
    let next = 0;
    const lookUp = (name: string): Value => {
      const automatic = name === '';
      if (automatic ? Number.isNaN(next) : /^\d+$/.test(name) && next > 0) {
        fail('a format with both {} and {0}');
      }
      const index = automatic ? next++ : Number(name);
      if (!automatic && !Number.isNaN(index)) next = Number.NaN;
      const value = Number.isNaN(index) ? given.named.get(name) : given.list[index];
      return (
        value ??
        (value === null ? null : fail(`the format field {${name}} is not supported or not given`))
      );
    };
    return formatBraces(self, lookUp, budget);
  },
  isspace: every(new RegExp(`^[${space}]+$`)),
  isalpha: every(/^\p{L}+$/u),
  isdigit: every(/^\p{Nd}+$/u, /\p{No}/u),
  isdecimal: every(/^\p{Nd}+$/u),
  isnumeric: every(/^\p{N}+$/u, /[\u3000-\u9fff\uf900-\ufaff]/),
  isalnum: every(/^[\p{L}\p{N}]+$/u),
  isascii: ({ text }) => isAscii(text),
  islower: ({ text }) => isCase(text, false),
  isupper: ({ text }) => isCase(text, true),
};
