import { integerValue } from './literals.ts';
import type { Arguments, Expression } from './syntax.ts';
import { Text } from './text.ts';
import { describe, type TokenReader } from './tokens.ts';

/** Reads what stands between operators: signs, names, literals, and what follows them. */
export abstract class OperandParser {
  constructor(protected readonly tokens: TokenReader) {}

  abstract expression(): Expression;

  /** An expression, or a tuple without parentheses. */
  abstract tuple(options?: { parentheses?: boolean }): Expression;

  protected unary(filters: boolean): Expression {
    const { tokens } = this;
    const { line } = tokens;
    let result: Expression;
    if (tokens.is('operator', '-', '+')) {
      const kind = tokens.take().value === '-' ? 'negative' : 'positive';
      result = { kind, operand: tokens.nested(() => this.unary(false)), line };
    } else {
      result = this.primary();
    }
    result = this.postfix(result);
    return filters ? this.filters(result) : result;
  }

  /** A name, a literal or parentheses. */
  primary(): Expression {
    const { tokens } = this;
    const token = tokens.take();
    const { line, value } = token;
    switch (token.type) {
      case 'name':
        if (/^(true|false|True|False)$/.test(value)) {
          return { kind: 'constant', value: /^t/i.test(value), line };
        }
        if (/^(none|None)$/.test(value)) return { kind: 'constant', value: null, line };
        return { kind: 'name', name: value, line };
      case 'string': {
        let text = value;
        while (tokens.is('string')) text += tokens.take().value;
        return { kind: 'text', value: new Text(text), line };
      }
      case 'integer':
        return { kind: 'integer', value: integerValue(value), line };
      case 'float':
        return { kind: 'float', value: Number(value), line };
      case 'operator':
        if (value === '(') {
          const inner = tokens.nested(() => this.tuple({ parentheses: true }));
          tokens.expect('operator', ')');
          return inner;
        }
        if (value === '[')
          return { kind: 'list', items: this.items(']', () => this.expression()), line };
        if (value === '{') return { kind: 'dict', pairs: this.items('}', () => this.pair()), line };
    }
    return tokens.refuse(`unexpected ${describe(token)}`, line);
  }

  private items<T>(end: string, parse: () => T): T[] {
    const items: T[] = [];
    while (!this.tokens.is('operator', end)) {
      if (items.length > 0) this.tokens.expect('operator', ',');
      if (this.tokens.is('operator', end)) break;
      items.push(parse());
    }
    this.tokens.expect('operator', end);
    return items;
  }

  private pair(): [Expression, Expression] {
    const key = this.expression();
    this.tokens.expect('operator', ':');
    return [key, this.expression()];
  }

  private postfix(start: Expression): Expression {
    let result = start;
    for (;;) {
      if (this.tokens.is('operator', '.', '[')) result = this.subscript(result);
      else if (this.tokens.is('operator', '(')) result = this.call(result);
      else return result;
    }
  }

  /** Filters and tests behind an operand. */
  private filters(start: Expression): Expression {
    let result = start;
    for (;;) {
      if (this.tokens.skip('|')) result = this.filter(result);
      else if (this.tokens.is('name', 'is')) result = this.test(result);
      else if (this.tokens.is('operator', '(')) result = this.call(result);
      else return result;
    }
  }

  /** The filters of a block: `name | name …`, without an input. */
  filterChain(): Expression {
    let result = this.filter(null);
    while (this.tokens.skip('|')) result = this.filter(result);
    return result;
  }

  private subscript(object: Expression): Expression {
    const { tokens } = this;
    const { line, value } = tokens.take();
    if (value === '.') {
      const token = tokens.take();
      if (token.type === 'name') return { kind: 'attribute', object, name: token.value, line };
      if (token.type !== 'integer') tokens.refuse('expected a name or number behind the dot', line);
      const key: Expression = { kind: 'integer', value: integerValue(token.value), line };
      return { kind: 'item', object, key, line };
    }
    const keys: Expression[] = [];
    while (!tokens.is('operator', ']')) {
      if (keys.length > 0) tokens.expect('operator', ',');
      keys.push(this.key());
    }
    tokens.take();
    const [key] = keys;
    const single = keys.length === 1 && key !== undefined;
    return { kind: 'item', object, key: single ? key : { kind: 'tuple', items: keys, line }, line };
  }

  /** What stands in brackets: an expression or a slice. */
  private key(): Expression {
    const { tokens } = this;
    const { line } = tokens;
    const part = (): Expression | null =>
      tokens.is('operator', ']', ',', ':') ? null : this.expression();
    const start = part();
    if (!tokens.skip(':')) {
      return start ?? tokens.refuse(`expected an expression, found ${describe(tokens.current)}`);
    }
    const stop = part();
    return { kind: 'slice', bounds: [start, stop, tokens.skip(':') ? part() : null], line };
  }

  private call(callee: Expression): Expression {
    const { line } = this.tokens;
    return { kind: 'call', callee, given: this.arguments(), line };
  }

  private arguments(): Arguments {
    const { tokens } = this;
    const given: Arguments = { list: [], named: [], spread: null, namedSpread: null };
    const { line } = tokens.expect('operator', '(');
    const allowed = (holds: boolean): void => {
      if (!holds) tokens.refuse('the arguments of this call are in a wrong order', line);
    };
    for (let first = true; !tokens.is('operator', ')'); first = false) {
      if (!first) {
        tokens.expect('operator', ',');
        if (tokens.is('operator', ')')) break;
      }
      if (tokens.skip('*')) {
        allowed(given.spread === null && given.namedSpread === null);
        given.spread = this.expression();
      } else if (tokens.skip('**')) {
        allowed(given.namedSpread === null);
        given.namedSpread = this.expression();
      } else if (
        tokens.is('name') &&
        tokens.next.type === 'operator' &&
        tokens.next.value === '='
      ) {
        allowed(given.namedSpread === null);
        const name = tokens.take().value;
        tokens.take();
        allowed(!given.named.some(([other]) => other === name));
        given.named.push([name, this.expression()]);
      } else {
        const { spread, namedSpread, named } = given;
        allowed(spread === null && namedSpread === null && named.length === 0);
        given.list.push(this.expression());
      }
    }
    tokens.take();
    return given;
  }

  private filter(input: Expression | null): Expression {
    const { name, line } = this.dottedName();
    const given = this.tokens.is('operator', '(') ? this.arguments() : noArguments;
    return { kind: 'filter', input, name, given, line };
  }

  private test(input: Expression): Expression {
    const { tokens } = this;
    tokens.take();
    const negated = tokens.skipName('not');
    const { name, line } = this.dottedName();
    let given = noArguments;
    if (tokens.is('operator', '(')) {
      given = this.arguments();
    } else if (this.startsArgument()) {
      if (tokens.is('name', 'is')) tokens.refuse('tests with "is" cannot be chained');
      given = { ...noArguments, list: [this.postfix(this.primary())] };
    }
    const test: Expression = { kind: 'test', input, name, given, line };
    return negated ? { kind: 'not', operand: test, line } : test;
  }

  private startsArgument(): boolean {
    const { tokens } = this;
    if (tokens.is('name')) return !tokens.is('name', 'else', 'or', 'and');
    if (tokens.is('string') || tokens.is('integer') || tokens.is('float')) return true;
    return tokens.is('operator', '[', '{');
  }

  private dottedName(): { name: string; line: number } {
    const { line, value } = this.tokens.expect('name');
    let name = value;
    while (this.tokens.skip('.')) name += `.${this.tokens.expect('name').value}`;
    return { name, line };
  }
}

const noArguments: Arguments = { list: [], named: [], spread: null, namedSpread: null };
