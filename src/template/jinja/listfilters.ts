import { bind, type Parameter } from './arguments.ts';
import { fail } from './failure.ts';
import type { Machine } from './machine.ts';
import { item } from './members.ts';
import { integerOf } from './numbers.ts';
import { arithmetic, equal, order, truth } from './operators.ts';
import { print } from './print.ts';
import { itemsOf, lengthOf, sliceOf } from './sequences.ts';
import { textOf } from './strings.ts';
import { empty, joinTexts, Text } from './text.ts';
import {
  Dict,
  type Given,
  Group,
  Lazy,
  List,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

type Filter = (input: Value, given: Given, machine: Machine) => Value;

function filter(name: string, ...parameters: Parameter[]) {
  return (run: (input: Value, values: Value[], machine: Machine) => Value): Filter =>
    (input, given, machine) =>
      run(input, bind(name, given, parameters), machine);
}

/** What stands at `a.b.0` of an item; null: the item itself. */
function getter(path: Value, machine: Machine, otherwise: Value = null): (from: Value) => Value {
  if (path === null) return (from) => from;
  const keys =
    path instanceof Text
      ? path.text.split('.').map((key) => (/^\d+$/.test(key) ? Number(key) : new Text(key)))
      : [path];
  return (from) => {
    let value = from;
    for (const key of keys) {
      value = item(value, key, machine);
      if (otherwise !== null && value instanceof Undefined) value = otherwise;
    }
    return value;
  };
}

/** Values to sort by: strings in lower case unless case counts. */
function sortKey(path: Value, caseSensitive: Value, machine: Machine): (from: Value) => Value {
  const get = getter(path, machine);
  if (truth(caseSensitive)) return get;
  return (from) => {
    const value = get(from);
    return value instanceof Text ? new Text(value.text.toLowerCase()) : value;
  };
}

function sorted(
  items: Iterable<Value>,
  key: (from: Value) => Value,
  reverse: boolean,
  { budget }: Machine,
): Value[] {
  const keyed = [...items].map((value) => ({ value, key: key(value) }));
  budget.makeItems(keyed.length);
  keyed.sort((a, b) => {
    budget.step();
    const sign = order(a.key, b.key, budget);
    return reverse ? -sign : sign;
  });
  return keyed.map(({ value }) => value);
}

const extreme = (name: string, sign: number): Filter =>
  filter(
    name,
    ['case_sensitive', false],
    ['attribute', null],
  )((input, [caseSensitive = false, path = null], machine) => {
    const key = sortKey(path, caseSensitive, machine);
    let best: { value: Value; key: Value } | null = null;
    for (const value of itemsOf(input)) {
      machine.budget.step();
      const next = { value, key: key(value) };
      if (best === null || order(next.key, best.key, machine.budget) * sign > 0) best = next;
    }
    return best === null ? new Undefined('no item: the sequence was empty') : best.value;
  });

/** select, reject and their like for attributes: a generator of what a test keeps. */
const selecting =
  (name: string, keeps: boolean, ofAttribute: boolean): Filter =>
  (input, { list, named }, machine) => {
    const [path = null, ...others] = ofAttribute ? list : [null, ...list];
    if (ofAttribute && list.length === 0) fail(`${name} needs the name of an attribute`);
    const [test, ...rest] = others;
    const get = ofAttribute ? getter(path, machine) : (value: Value): Value => value;
    const holds = (value: Value): boolean =>
      test === undefined
        ? truth(value)
        : machine.test(textOf(test, 'the test').text, value, { list: rest, named });
    function* run(): Generator<Value> {
      if (!truth(input)) return;
      for (const each of itemsOf(input)) {
        machine.budget.step();
        if (holds(get(each)) === keeps) yield each;
      }
    }
    return new Lazy(run());
  };

const map: Filter = (input, { list, named }, machine) => {
  let change: (value: Value) => Value;
  if (list.length === 0 && named.has('attribute')) {
    const [path = null, otherwise = null] = bind('map', { list, named }, [
      ['attribute'],
      ['default', null],
    ]);
    change = getter(path, machine, otherwise);
  } else {
    const [name, ...rest] = list;
    if (name === undefined) fail('map needs a filter');
    const filterName = textOf(name, 'the filter').text;
    change = (value) => machine.filter(filterName, value, { list: rest, named });
  }
  function* run(): Generator<Value> {
    if (!truth(input)) return;
    for (const value of itemsOf(input)) {
      machine.budget.step();
      yield change(value);
    }
  }
  return new Lazy(run());
};

function* batches(input: Value, size: number, fill: Value): Generator<Value> {
  let batch: Value[] = [];
  for (const value of itemsOf(input)) {
    if (batch.length === size) {
      yield new List(batch);
      batch = [];
    }
    batch.push(value);
  }
  if (batch.length === 0) return;
  if (fill !== null) while (batch.length < size) batch.push(fill);
  yield new List(batch);
}

function* slices(input: Value, count: number, fill: Value): Generator<Value> {
  const items = [...itemsOf(input)];
  const [size, longer] = [Math.floor(items.length / count), items.length % count];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const end = at + size + (i < longer ? 1 : 0);
    const part = items.slice(at, end);
    if (fill !== null && i >= longer) part.push(fill);
    at = end;
    yield new List(part);
  }
}

/** Filters of lists and mappings. */
export const lists: Record<string, Filter> = {
  first: filter('first')((input) => {
    for (const value of itemsOf(input)) return value;
    return new Undefined('no first item: the sequence was empty');
  }),
  last: filter('last')((input) => {
    if (lengthOf(input) === null) fail(`'${typeName(input)}' object is not reversible`);
    const items = [...itemsOf(input)];
    const none = new Undefined('no last item: the sequence was empty');
    return items.length > 0 ? (items.at(-1) as Value) : none;
  }),
  join: filter(
    'join',
    ['d', empty],
    ['attribute', null],
  )((input, [separator = empty, path = null], machine) => {
    const get = getter(path, machine);
    const glue = print(separator, machine.budget);
    const parts: Text[] = [];
    for (const value of itemsOf(input)) {
      const part = print(get(value), machine.budget);
      machine.budget.make(part.text.length + glue.text.length);
      parts.push(part);
    }
    return joinTexts(parts, glue);
  }),
  reverse: filter('reverse')((input) => {
    if (input instanceof Text) return sliceOf(input, [null, null, -1]) ?? input;
    return lengthOf(input) === null
      ? new List([...itemsOf(input)].reverse())
      : new Lazy([...itemsOf(input)].reverse()[Symbol.iterator]());
  }),
  sort: filter(
    'sort',
    ['reverse', false],
    ['case_sensitive', false],
    ['attribute', null],
  )((input, [reverse = false, caseSensitive = false, path = null], machine) => {
    const paths =
      path instanceof Text ? path.text.split(',').map((part) => new Text(part)) : [path];
    const keys = paths.map((each) => sortKey(each, caseSensitive, machine));
    const key = (value: Value): Value => new List(keys.map((get) => get(value)));
    return new List(sorted(itemsOf(input), key, truth(reverse), machine));
  }),
  dictsort: filter(
    'dictsort',
    ['case_sensitive', false],
    ['by', new Text('key')],
    ['reverse', false],
  )((input, [caseSensitive = false, by = null, reverse = false], machine) => {
    if (!(input instanceof Dict)) fail('dictsort needs a mapping');
    const how = textOf(by, 'by').text;
    if (how !== 'key' && how !== 'value') fail('dictsort: by must be key or value');
    const pairs = [...input.items()].map((pair) => new Tuple(pair));
    const key = sortKey(how === 'key' ? 0 : 1, caseSensitive, machine);
    return new List(sorted(pairs, key, truth(reverse), machine));
  }),
  groupby: filter(
    'groupby',
    ['attribute'],
    ['default', null],
    ['case_sensitive', false],
  )((input, [path = null, otherwise = null, caseSensitive = false], machine) => {
    const get = getter(path, machine, otherwise);
    const key = (value: Value): Value => {
      const found = get(value);
      const lower = found instanceof Text && !truth(caseSensitive);
      return lower ? new Text(found.text.toLowerCase()) : found;
    };
    const groups: { key: Value; values: Value[] }[] = [];
    for (const value of sorted(itemsOf(input), key, false, machine)) {
      const own = key(value);
      const last = groups.at(-1);
      if (last && equal(last.key, own, machine.budget)) last.values.push(value);
      else groups.push({ key: own, values: [value] });
    }
    return new List(
      groups.map(({ values }) => new Group([get(values[0] as Value), new List(values)])),
    );
  }),
  unique: filter(
    'unique',
    ['case_sensitive', false],
    ['attribute', null],
  )((input, [caseSensitive = false, path = null], machine) => {
    const key = sortKey(path, caseSensitive, machine);
    function* run(): Generator<Value> {
      const seen = new Dict();
      for (const value of itemsOf(input)) {
        machine.budget.step();
        const own = key(value);
        if (seen.get(own) !== undefined) continue;
        seen.set(own, true);
        yield value;
      }
    }
    return new Lazy(run());
  }),
  sum: filter(
    'sum',
    ['attribute', null],
    ['start', 0],
  )((input, [path = null, start = 0], machine) => {
    const get = getter(path, machine);
    if (start instanceof Text) fail('sum cannot add strings');
    let total: Value = start;
    for (const value of itemsOf(input)) total = arithmetic('+', total, get(value), machine.budget);
    return total;
  }),
  min: extreme('min', -1),
  max: extreme('max', 1),
  select: selecting('select', true, false),
  reject: selecting('reject', false, false),
  selectattr: selecting('selectattr', true, true),
  rejectattr: selecting('rejectattr', false, true),
  map,
  batch: filter(
    'batch',
    ['linecount'],
    ['fill_with', null],
  )((input, [size = 0, fill = null], { budget }) => {
    budget.makeItems(integerOf(size, 'linecount'));
    return new Lazy(batches(input, integerOf(size, 'linecount'), fill));
  }),
  slice: filter(
    'slice',
    ['slices'],
    ['fill_with', null],
  )((input, [count = 0, fill = null], { budget }) => {
    const parts = integerOf(count, 'slices');
    if (parts <= 0) fail('slice needs a positive number');
    budget.makeItems(parts);
    return new Lazy(slices(input, parts, fill));
  }),
};
