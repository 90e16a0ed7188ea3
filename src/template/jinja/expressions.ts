import { OperandParser } from './operands.ts';
import type { Expression } from './syntax.ts';
import { describe } from './tokens.ts';

/** Reads expressions, by Jinja's precedence: not Python's in ** (from the left), ~ and tests. */
export class ExpressionParser extends OperandParser {
  expression(): Expression {
    return this.tokens.nested(() => this.condition());
  }

  /** An expression, or a tuple without parentheses. */
  tuple({ conditions = true, parentheses = false, ends = [] as string[] } = {}): Expression {
    const { line } = this.tokens;
    const items: Expression[] = [];
    let comma = false;
    do {
      if (this.tupleEnds(ends)) break;
      items.push(conditions ? this.expression() : this.tokens.nested(() => this.or()));
      if (!this.tokens.is('operator', ',')) break;
      comma = true;
    } while (this.tokens.skip(','));
    const [first] = items;
    if (!comma && first !== undefined) return first;
    if (!comma && !parentheses) {
      this.tokens.refuse(`expected an expression, found ${describe(this.tokens.current)}`);
    }
    return { kind: 'tuple', items, line };
  }

  private tupleEnds(names: readonly string[]): boolean {
    const { tokens } = this;
    if (tokens.is('print end') || tokens.is('block end') || tokens.is('operator', ')')) return true;
    return names.length > 0 && tokens.is('name', ...names);
  }

  private condition(): Expression {
    const { tokens } = this;
    let { line } = tokens;
    let result = this.or();
    while (tokens.skipName('if')) {
      const test = this.or();
      const otherwise = tokens.skipName('else') ? tokens.nested(() => this.condition()) : null;
      result = { kind: 'condition', test, value: result, otherwise, line };
      line = tokens.line;
    }
    return result;
  }

  private or(): Expression {
    let left = this.and();
    while (this.tokens.is('name', 'or')) {
      const { line } = this.tokens.take();
      left = { kind: 'or', left, right: this.and(), line };
    }
    return left;
  }

  private and(): Expression {
    let left = this.not();
    while (this.tokens.is('name', 'and')) {
      const { line } = this.tokens.take();
      left = { kind: 'and', left, right: this.not(), line };
    }
    return left;
  }

  private not(): Expression {
    if (!this.tokens.is('name', 'not')) return this.compare();
    const { line } = this.tokens.take();
    return { kind: 'not', operand: this.tokens.nested(() => this.not()), line };
  }

  private compare(): Expression {
    const { tokens } = this;
    const { line } = tokens;
    const first = this.sum();
    const rest: [string, Expression][] = [];
    for (;;) {
      if (tokens.is('operator', '==', '!=', '<', '<=', '>', '>=')) {
        rest.push([tokens.take().value, this.sum()]);
      } else if (tokens.skipName('in')) {
        rest.push(['in', this.sum()]);
      } else if (tokens.is('name', 'not') && isName(tokens.next, 'in')) {
        tokens.take();
        tokens.take();
        rest.push(['not in', this.sum()]);
      } else {
        return rest.length === 0 ? first : { kind: 'compare', first, rest, line };
      }
    }
  }

  private sum(): Expression {
    return this.binary(['+', '-'], () => this.concat());
  }

  private concat(): Expression {
    const { line } = this.tokens;
    const parts = [this.product()];
    while (this.tokens.skip('~')) parts.push(this.product());
    return parts.length === 1 ? (parts[0] as Expression) : { kind: 'concat', parts, line };
  }

  private product(): Expression {
    return this.binary(['*', '/', '//', '%'], () =>
      this.binary(['**'], () => this.tokens.nested(() => this.unary(true))),
    );
  }

  private binary(operators: string[], operand: () => Expression): Expression {
    let left = operand();
    while (this.tokens.is('operator', ...operators)) {
      const { value: operator, line } = this.tokens.take();
      left = { kind: 'binary', operator, left, right: operand(), line };
    }
    return left;
  }
}

function isName(token: { type: string; value: string }, value: string): boolean {
  return token.type === 'name' && token.value === value;
}
