import type { Budget } from './budget.ts';
import { fail } from './failure.ts';
import { filters } from './filters.ts';
import type { Frame } from './frame.ts';
import type { Machine } from './machine.ts';
import { attribute, item, slice } from './members.ts';
import { isFilter } from './names.ts';
import { arithmetic, compare, signed, truth } from './operators.ts';
import { print } from './print.ts';
import { type Bounds, itemsOf } from './sequences.ts';
import type { Arguments, Expression } from './syntax.ts';
import { tests } from './tests.ts';
import { joinTexts, Text } from './text.ts';
import {
  Callable,
  Dict,
  Float,
  type Given,
  List,
  Loop,
  Markup,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';
import { counted, weight } from './weight.ts';

/** Filters that leave text marked safe as it is. */
const keepsMarkup = /^(safe|e|escape|string|default|d)$/;

/** Computes expressions. */
export class Evaluator implements Machine {
  /** Line of what runs, for messages. */
  line = 0;

  constructor(readonly budget: Budget) {}

  evaluate(expression: Expression, frame: Frame): Value {
    this.budget.step();
    this.line = expression.line;
    switch (expression.kind) {
      case 'text':
      case 'constant':
      case 'integer':
        return expression.value;
      case 'float':
        return new Float(expression.value);
      case 'name':
        return frame.get(expression.name);
      case 'list':
        return new List(expression.items.map((each) => this.evaluate(each, frame)));
      case 'tuple':
        return new Tuple(expression.items.map((each) => this.evaluate(each, frame)));
      case 'dict': {
        const dict = new Dict();
        for (const [key, value] of expression.pairs) {
          dict.set(this.evaluate(key, frame), this.evaluate(value, frame));
        }
        return dict;
      }
      case 'and': {
        const left = this.evaluate(expression.left, frame);
        return truth(left) ? this.evaluate(expression.right, frame) : left;
      }
      case 'or': {
        const left = this.evaluate(expression.left, frame);
        return truth(left) ? left : this.evaluate(expression.right, frame);
      }
      case 'not':
        return !truth(this.evaluate(expression.operand, frame));
      case 'negative':
        return signed(this.evaluate(expression.operand, frame), -1);
      case 'positive':
        return signed(this.evaluate(expression.operand, frame), 1);
      case 'binary': {
        const left = this.evaluate(expression.left, frame);
        const right = this.evaluate(expression.right, frame);
        return arithmetic(expression.operator, left, right, this.budget);
      }
      case 'compare':
        return this.compare(expression, frame);
      case 'concat': {
        const parts = expression.parts.map((part) =>
          print(this.evaluate(part, frame), this.budget),
        );
        for (const { text } of parts) this.budget.make(text.length);
        return joinTexts(parts);
      }
      case 'condition':
        return this.condition(expression, frame);
      case 'attribute':
        return attribute(this.evaluate(expression.object, frame), expression.name, this);
      case 'item':
        return this.item(expression, frame);
      case 'slice':
        return fail('a slice stands alone in its brackets');
      case 'call': {
        const callee = this.evaluate(expression.callee, frame);
        return this.call(callee, this.given(expression.given, frame));
      }
      case 'filter': {
        if (expression.input === null) return fail('a filter without an input');
        const input = this.evaluate(expression.input, frame);
        return this.filter(expression.name, input, this.given(expression.given, frame));
      }
      case 'test': {
        const input = this.evaluate(expression.input, frame);
        return this.test(expression.name, input, this.given(expression.given, frame));
      }
    }
  }

  /** Applies the filters of a block to what it printed. */
  filterBlock(expression: Expression, input: Text, frame: Frame): Value {
    if (expression.kind !== 'filter') return fail('a block needs filters');
    const from =
      expression.input === null ? input : this.filterBlock(expression.input, input, frame);
    return this.filter(expression.name, from, this.given(expression.given, frame));
  }

  filter(name: string, input: Value, given: Given): Value {
    if (input instanceof Markup) {
      if (keepsMarkup.test(name)) return input;
      return fail(`the filter ${name} of text marked safe is not supported`);
    }
    const found = Object.hasOwn(filters, name) ? filters[name] : undefined;
    if (found !== undefined) {
      this.budget.step(weight(input));
      return counted(found(input, given, this), this.budget);
    }
    return fail(isFilter(name) ? `the filter ${name} is not supported` : `no filter named ${name}`);
  }

  test(name: string, input: Value, given: Given): boolean {
    const found = Object.hasOwn(tests, name) ? tests[name] : undefined;
    return found === undefined ? fail(`no test named ${name}`) : found(input, given, this);
  }

  call(callee: Value, given: Given): Value {
    if (callee instanceof Undefined) callee.fail();
    const called = callee instanceof Loop ? callee.recurse : callee;
    if (called instanceof Callable) return called.call(given);
    return fail(
      callee instanceof Loop
        ? 'the loop must be recursive'
        : `'${typeName(callee)}' object is not callable`,
    );
  }

  given({ list, named, spread, namedSpread }: Arguments, frame: Frame): Given {
    const values = list.map((each) => this.evaluate(each, frame));
    const names = new Map(named.map(([name, value]) => [name, this.evaluate(value, frame)]));
    if (spread !== null) {
      for (const value of itemsOf(this.evaluate(spread, frame))) {
        this.budget.makeItems(1);
        values.push(value);
      }
    }
    if (namedSpread !== null) {
      const more = this.evaluate(namedSpread, frame);
      if (!(more instanceof Dict)) return fail('** needs a mapping');
      for (const [key, value] of more.items()) {
        if (!(key instanceof Text)) return fail('names of arguments must be strings');
        if (names.has(key.text)) return fail(`the argument ${key.text} is given twice`);
        names.set(key.text, value);
      }
    }
    return { list: values, named: names };
  }

  private compare(
    { first, rest }: Extract<Expression, { kind: 'compare' }>,
    frame: Frame,
  ): boolean {
    let left = this.evaluate(first, frame);
    for (const [operator, operand] of rest) {
      const right = this.evaluate(operand, frame);
      if (!compare(operator, left, right, this.budget)) return false;
      left = right;
    }
    return true;
  }

  private condition(
    { test, value, otherwise }: Extract<Expression, { kind: 'condition' }>,
    frame: Frame,
  ): Value {
    if (truth(this.evaluate(test, frame))) return this.evaluate(value, frame);
    if (otherwise !== null) return this.evaluate(otherwise, frame);
    return new Undefined('an inline if without else was false');
  }

  private item({ object, key }: Extract<Expression, { kind: 'item' }>, frame: Frame): Value {
    const from = this.evaluate(object, frame);
    if (key.kind !== 'slice') return item(from, this.evaluate(key, frame), this);
    const bounds = key.bounds.map((bound) => (bound === null ? null : this.evaluate(bound, frame)));
    return slice(from, bounds as unknown as Bounds, this);
  }
}
