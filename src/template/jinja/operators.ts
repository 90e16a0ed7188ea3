import type { Budget } from './budget.ts';
import { compareText } from './characters.ts';
import { fail } from './failure.ts';
import { formatPercent } from './format.ts';
import { exact, numberOf } from './numbers.ts';
import { iterate, lengthOf } from './sequences.ts';
import { joinTexts, Text } from './text.ts';
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
import { weight } from './weight.ts';

/** Python's bool(value). */
export function truth(value: Value): boolean {
  if (value === null || value instanceof Undefined) return false;
  if (value instanceof Markup) return value.text.text !== '';
  if (typeof value === 'boolean') return value;
  const number = numberOf(value);
  if (number !== null) return number !== 0;
  return lengthOf(value) !== 0;
}

/** left == right. */
export function equal(left: Value, right: Value, budget: Budget, depth = 0): boolean {
  budget.step();
  if (left === right) return true;
  if (depth > deepestValue) fail('values are nested too deeply to compare');
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a !== null || b !== null) return a === b;
  if (left instanceof Text) {
    budget.step(weight(left));
    return right instanceof Text && left.text === right.text;
  }
  if (left instanceof Undefined) return right instanceof Undefined;
  if (left instanceof Markup || right instanceof Markup)
    fail('comparing text marked safe is not supported');
  const lists = left instanceof List && right instanceof List;
  if (lists || (left instanceof Tuple && right instanceof Tuple)) {
    const [x, y] = [left as List, right as List];
    return (
      x.items.length === y.items.length &&
      x.items.every((item, i) => equal(item, y.items[i] as Value, budget, depth + 1))
    );
  }
  if (left instanceof Dict && right instanceof Dict) {
    if (left.size !== right.size) return false;
    return [...left.items()].every(([key, value]) => {
      const other = right.get(key);
      return other !== undefined && equal(value, other, budget, depth + 1);
    });
  }
  if (left instanceof Range && right instanceof Range) {
    const numbers = (range: Range): List => new List([...(iterate(range) ?? [])]);
    return equal(numbers(left), numbers(right), budget);
  }
  if (left instanceof DictView && right instanceof DictView)
    fail('comparing dict views is not supported');
  return false;
}

/** Python's order of two values: negative, 0 or positive. Throws where there is none. */
export function order(left: Value, right: Value, budget: Budget, depth = 0): number {
  budget.step();
  if (left instanceof Undefined) left.fail();
  if (right instanceof Undefined) right.fail();
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a !== null && b !== null) return a === b ? 0 : a - b;
  if (left instanceof Text && right instanceof Text) return compareText(left.text, right.text);
  const lists = left instanceof List && right instanceof List;
  if ((lists || (left instanceof Tuple && right instanceof Tuple)) && depth < deepestValue) {
    const [x, y] = [(left as List).items, (right as List).items];
    const at = x.findIndex((item, i) => i >= y.length || !equal(item, y[i] as Value, budget));
    if (at < 0 || at >= y.length) return x.length - y.length;
    return order(x[at] as Value, y[at] as Value, budget, depth + 1);
  }
  return fail(`'${typeName(left)}' and '${typeName(right)}' have no order`);
}

export function compare(operator: string, left: Value, right: Value, budget: Budget): boolean {
  switch (operator) {
    case '==':
      return equal(left, right, budget);
    case '!=':
      return !equal(left, right, budget);
    case 'in':
      return contains(right, left, budget);
    case 'not in':
      return !contains(right, left, budget);
  }
  const sign = order(left, right, budget);
  if (Number.isNaN(sign)) return false;
  if (operator === '<') return sign < 0;
  if (operator === '<=') return sign <= 0;
  return operator === '>' ? sign > 0 : sign >= 0;
}

/** item in container. */
export function contains(container: Value, item: Value, budget: Budget): boolean {
  if (container instanceof Text) {
    if (!(item instanceof Text)) fail(`'in <string>' needs a string, not ${typeName(item)}`);
    budget.step(Math.ceil(container.text.length / 64));
    return container.text.includes(item.text);
  }
  if (container instanceof Dict) return container.get(item) !== undefined;
  const items = iterate(container);
  if (items === null) return fail(`argument of type '${typeName(container)}' is not iterable`);
  for (const other of items) {
    budget.step();
    if (equal(other, item, budget)) return true;
  }
  return false;
}

/** left OP right for + - * / // % **. */
export function arithmetic(operator: string, left: Value, right: Value, budget: Budget): Value {
  if (left instanceof Undefined) left.fail();
  if (operator === '%' && left instanceof Text) return formatPercent(left, right, budget);
  if (right instanceof Undefined) right.fail();
  if (operator === '+') {
    const joined = add(left, right, budget);
    if (joined !== null) return joined;
  }
  if (operator === '*') {
    const repeated = repeat(left, right, budget) ?? repeat(right, left, budget);
    if (repeated !== null) return repeated;
  }
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a === null || b === null) {
    return fail(
      `unsupported operand types for ${operator}: '${typeName(left)}' and '${typeName(right)}'`,
    );
  }
  const floats = left instanceof Float || right instanceof Float;
  return compute(operator, a, b, floats);
}

function add(left: Value, right: Value, budget: Budget): Value | null {
  if (left instanceof Text && right instanceof Text) {
    budget.make(left.text.length + right.text.length);
    return joinTexts([left, right]);
  }
  const lists = left instanceof List && right instanceof List;
  if (!lists && !(left instanceof Tuple && right instanceof Tuple)) return null;
  budget.makeItems((left as List).items.length + (right as List).items.length);
  const items = [...(left as List).items, ...(right as List).items];
  return lists ? new List(items) : new Tuple(items);
}

function repeat(value: Value, times: Value, budget: Budget): Value | null {
  const repeats = value instanceof Text || value instanceof List || value instanceof Tuple;
  if (!repeats || !(typeof times === 'number' || typeof times === 'boolean')) return null;
  const count = Math.max(0, Number(times));
  if (value instanceof Text) {
    budget.make(value.text.length * count);
    budget.step(value.marks.length * count);
    if (value.marks.length === 0) return new Text(value.text.repeat(count));
    return joinTexts(new Array<Text>(count).fill(value));
  }
  budget.makeItems(value.items.length * count);
  const items = value.items.length === 0 ? [] : new Array(count).fill(value.items).flat();
  return value instanceof List ? new List(items) : new Tuple(items);
}

function compute(operator: string, a: number, b: number, floats: boolean): Value {
  if (b === 0 && (operator === '/' || operator === '//' || operator === '%'))
    fail('division by zero');
  const number = (value: number): Value => (floats ? new Float(value) : exact(value));
  switch (operator) {
    case '+':
      return number(a + b);
    case '-':
      return number(a - b);
    case '*':
      return number(a * b);
    case '/':
      return new Float(a / b);
    case '//':
      return number(floorQuotient(a, b, floats));
    case '%':
      return number(modulo(a, b));
  }
  return power(a, b, floats);
}

function floorQuotient(a: number, b: number, floats: boolean): number {
  if (!floats) {
    const [x, y] = [BigInt(a), BigInt(b)];
    return Number(x / y - (x % y !== 0n && x < 0n !== y < 0n ? 1n : 0n));
  }
  const exactly = (a - modulo(a, b)) / b;
  const quotient = Math.floor(exactly) + (exactly - Math.floor(exactly) > 0.5 ? 1 : 0);
  const negative = a / b < 0 || Object.is(a / b, -0);
  return quotient === 0 && negative ? -0 : quotient;
}

/** Python's remainder has the sign of the divisor. */
function modulo(a: number, b: number): number {
  const remainder = a % b;
  if (remainder === 0) return b < 0 ? -0 : 0;
  return remainder < 0 === b < 0 ? remainder : remainder + b;
}

/**
 * Only of integers from 0: JavaScript's powers of other numbers differ from Python's in the last
 * digit, and Jinja takes the sign of a negative constant out of the power.
 */
function power(a: number, b: number, floats: boolean): Value {
  if (!floats && a >= 0 && b >= 0) return exact(a ** b);
  return fail('** is supported for integers that are not negative');
}

/** -value or +value. */
export function signed(value: Value, sign: 1 | -1): Value {
  if (value instanceof Undefined) value.fail();
  if (value instanceof Float) return new Float(sign * value.value);
  const number = numberOf(value);
  if (number === null) return fail(`a ${typeName(value)} has no sign`);
  return number === 0 ? 0 : sign * number;
}
