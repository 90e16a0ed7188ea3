import { isCase } from './casing.ts';
import { fail } from './failure.ts';
import type { Machine } from './machine.ts';
import { isFilter, isTest } from './names.ts';
import { arithmetic, compare, equal } from './operators.ts';
import { print } from './print.ts';
import { iterate } from './sequences.ts';
import { textOf } from './strings.ts';
import { Text } from './text.ts';
import {
  Callable,
  Dict,
  Float,
  type Given,
  List,
  Loop,
  Markup,
  Range,
  Tuple,
  Undefined,
  type Value,
} from './values.ts';

/** A test: of its input, with the arguments given. */
export type Test = (input: Value, given: Given, machine: Machine) => boolean;

const plain =
  (holds: (input: Value, machine: Machine) => boolean): Test =>
  (input, { list, named }, machine) => {
    if (list.length + named.size > 0) fail('this test takes no argument');
    return holds(input, machine);
  };

const withOne =
  (holds: (input: Value, other: Value, machine: Machine) => boolean): Test =>
  (input, { list, named }, machine) => {
    const [other] = list;
    if (other === undefined || list.length > 1 || named.size > 0)
      fail('this test takes one argument');
    return holds(input, other, machine);
  };

const comparing = (operator: string): Test =>
  withOne((input, other, { budget }) => compare(operator, input, other, budget));

const remainder = (input: Value, by: Value, { budget }: Machine): Value =>
  arithmetic('%', input, by, budget);

const number = (input: Value): boolean =>
  typeof input === 'number' || typeof input === 'boolean' || input instanceof Float;

/** Tests by name. */
export const tests: Record<string, Test> = {
  defined: plain((input) => !(input instanceof Undefined)),
  undefined: plain((input) => input instanceof Undefined),
  none: plain((input) => input === null),
  boolean: plain((input) => typeof input === 'boolean'),
  true: plain((input) => input === true),
  false: plain((input) => input === false),
  integer: plain((input) => typeof input === 'number'),
  float: plain((input) => input instanceof Float),
  number: plain(number),
  string: plain((input) => input instanceof Text || input instanceof Markup),
  mapping: plain((input) => input instanceof Dict),
  sequence: plain(
    (input) =>
      input instanceof Text ||
      input instanceof Markup ||
      input instanceof List ||
      input instanceof Tuple ||
      input instanceof Dict ||
      input instanceof Range ||
      input instanceof Undefined,
  ),
  iterable: plain(
    (input) => iterate(input) !== null || input instanceof Markup || input instanceof Loop,
  ),
  callable: plain(
    (input) => input instanceof Callable || input instanceof Loop || input instanceof Undefined,
  ),
  escaped: plain((input) => input instanceof Markup),
  lower: plain((input, { budget }) => isCase(print(input, budget).text, false)),
  upper: plain((input, { budget }) => isCase(print(input, budget).text, true)),
  odd: plain((input, machine) => equal(remainder(input, 2, machine), 1, machine.budget)),
  even: plain((input, machine) => equal(remainder(input, 2, machine), 0, machine.budget)),
  divisibleby: withOne((input, by, machine) =>
    equal(remainder(input, by, machine), 0, machine.budget),
  ),
  filter: plain((input) => isFilter(textOf(input, 'the name').text)),
  test: plain((input) => isTest(textOf(input, 'the name').text)),
  sameas: withOne(same),
  in: comparing('in'),
  eq: comparing('=='),
  equalto: comparing('=='),
  '==': comparing('=='),
  ne: comparing('!='),
  '!=': comparing('!='),
  lt: comparing('<'),
  lessthan: comparing('<'),
  '<': comparing('<'),
  le: comparing('<='),
  '<=': comparing('<='),
  gt: comparing('>'),
  greaterthan: comparing('>'),
  '>': comparing('>'),
  ge: comparing('>='),
  '>=': comparing('>='),
};

/** Python's `is`, where it does not depend on which objects the interpreter shares. */
function same(input: Value, other: Value, { budget }: Machine): boolean {
  const single = (value: Value): boolean => value === null || typeof value === 'boolean';
  if (single(input) || single(other)) return input === other;
  const shared = input instanceof Text || number(input);
  if (shared && equal(input, other, budget)) fail('sameas of strings and numbers is not supported');
  return input === other;
}
