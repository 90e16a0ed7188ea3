import { ExpressionParser } from './expressions.ts';
import { tokenize } from './lexer.ts';
import { analyse } from './symbols.ts';
import type {
  Expression,
  Program,
  Routine,
  Scope,
  Signature,
  Statement,
  Target,
} from './syntax.ts';
import { Text } from './text.ts';
import { describe, TokenReader } from './tokens.ts';

/** Longer templates are refused. */
const longest = 1 << 18;

/** Parses a template. Throws JinjaFailure with the line. */
export function parseTemplate(source: string): Program {
  const tokens = new TokenReader(source.length > longest ? [] : tokenize(source));
  if (source.length > longest) tokens.refuse(`longer than ${longest} characters`, 1);
  const parser = new StatementParser(tokens);
  const body = parser.statements();
  if (!tokens.is('end')) parser.unknown();
  const program = { ...scope(body), marked: parser.marked };
  analyse(program);
  return program;
}

/** Symbols are filled in by `analyse`. */
function scope(body: Statement[]): Scope {
  return { body, symbols: null as never };
}

class StatementParser {
  marked = false;
  /** Loops around, within the same function of Python's compiled template. */
  private loops = 0;
  /** Whether any loop is around, by whose `loop` nothing may be assigned to. */
  private inLoop = 0;
  private readonly expressions: ExpressionParser;

  constructor(private readonly tokens: TokenReader) {
    this.expressions = new ExpressionParser(tokens);
  }

  /** Statements up to a tag that starts with one of `ends`, whose `{%` is taken, or to the end. */
  statements(...ends: string[]): Statement[] {
    return this.tokens.nested(() => {
      const found: Statement[] = [];
      while (!this.tokens.is('end')) {
        const token = this.tokens.take();
        const { line } = token;
        if (token.type === 'text') {
          found.push({ kind: 'output', value: new Text(token.value), line });
        } else if (token.type === 'print begin') {
          found.push({ kind: 'print', values: [this.expressions.tuple()], line });
          this.tokens.expect('print end');
        } else {
          if (this.tokens.is('name', ...ends) && ends.length > 0) return found;
          found.push(this.statement(line));
        }
      }
      if (ends.length > 0) this.tokens.refuse(`expected ${ends.join(' or ')}, found the end`);
      return found;
    });
  }

  unknown(): never {
    return this.tokens.refuse(`unexpected ${describe(this.tokens.current)}`);
  }

  private statement(line: number): Statement {
    const { value } = this.tokens.expect('name');
    const parsed = this.parse(value, line);
    this.tokens.expect('block end');
    return parsed;
  }

  private parse(keyword: string, line: number): Statement {
    switch (keyword) {
      case 'if':
        return this.parseIf(line);
      case 'for':
        return this.parseFor(line);
      case 'set':
        return this.parseSet(line);
      case 'print':
        return { kind: 'print', values: this.list(() => this.expressions.expression()), line };
      case 'with':
        return this.parseWith(line);
      case 'filter': {
        const filter = this.expressions.filterChain();
        return { kind: 'filtered', filter, scope: this.block('endfilter'), line };
      }
      case 'macro': {
        const { value: name } = this.tokens.expect('name');
        return { kind: 'macro', routine: this.routine(name, this.signature(), 'endmacro'), line };
      }
      case 'call': {
        const { tokens } = this;
        const none = { names: [], defaults: [] };
        const signature = tokens.is('operator', '(') ? this.signature() : none;
        const call = this.expressions.expression();
        if (call.kind !== 'call') tokens.refuse('{% call %} needs a call', line);
        return { kind: 'call', call, routine: this.routine('caller', signature, 'endcall'), line };
      }
      case 'generation': {
        this.marked = true;
        const none = { names: [], defaults: [] };
        return { kind: 'generation', scope: this.routine('', none, 'endgeneration'), line };
      }
      case 'break':
      case 'continue':
        if (this.loops === 0) this.tokens.refuse(`{% ${keyword} %} outside a loop`, line);
        return { kind: keyword, line };
      case 'block':
      case 'extends':
      case 'include':
      case 'import':
      case 'from':
      case 'autoescape':
        return this.tokens.refuse(`{% ${keyword} %} is not supported in a chat template`, line);
    }
    return this.tokens.refuse(`unknown tag ${keyword}`, line);
  }

  /** Body of a block tag, after which its `end` is taken. */
  private block(...ends: string[]): Scope {
    this.tokens.expect('block end');
    const body = this.statements(...ends);
    this.tokens.take();
    return scope(body);
  }

  private parseIf(line: number): Statement {
    const test = this.expressions.tuple({ conditions: false });
    this.tokens.expect('block end');
    const body = this.statements('elif', 'else', 'endif');
    const { value } = this.tokens.take();
    let otherwise: Statement[] = [];
    if (value === 'elif') {
      const { line: at } = this.tokens;
      otherwise = [this.tokens.nested(() => this.parseIf(at))];
    } else if (value === 'else') {
      otherwise = this.block('endif').body;
    }
    return { kind: 'if', test, body, otherwise, line };
  }

  private parseFor(line: number): Statement {
    const { tokens } = this;
    this.inLoop++;
    const target = this.target(['in']);
    tokens.expect('name', 'in');
    const iterated = this.expressions.tuple({ conditions: false, ends: ['recursive'] });
    const condition = tokens.skipName('if') ? this.expressions.expression() : null;
    const recursive = tokens.skipName('recursive');
    this.loops++;
    tokens.expect('block end');
    const body = scope(this.statements('endfor', 'else'));
    this.loops--;
    const otherwise = tokens.take().value === 'else' ? this.block('endfor') : null;
    this.inLoop--;
    const test = condition === null ? null : { condition, symbols: null as never };
    return { kind: 'for', loop: { target, iterated, test, recursive, body, otherwise }, line };
  }

  private parseSet(line: number): Statement {
    const { tokens } = this;
    const target = this.target([]);
    if (tokens.skip('=')) return { kind: 'set', target, value: this.expressions.tuple(), line };
    const filter = tokens.skip('|') ? this.expressions.filterChain() : null;
    if (target.kind === 'tuple') tokens.refuse('a block cannot be assigned to several names', line);
    return { kind: 'capture', target, filter, scope: this.block('endset'), line };
  }

  private parseWith(line: number): Statement {
    const targets: Target[] = [];
    const values: Expression[] = [];
    while (!this.tokens.is('block end')) {
      if (targets.length > 0) this.tokens.expect('operator', ',');
      targets.push(this.target([]));
      this.tokens.expect('operator', '=');
      values.push(this.expressions.expression());
    }
    return { kind: 'with', targets, values, scope: this.block('endwith'), line };
  }

  private signature(): Signature {
    const signature: Signature = { names: [], defaults: [] };
    this.tokens.expect('operator', '(');
    while (!this.tokens.is('operator', ')')) {
      if (signature.names.length > 0) this.tokens.expect('operator', ',');
      const { value } = this.tokens.expect('name');
      if (constants.test(value) || signature.names.includes(value)) this.unknown();
      signature.names.push(value);
      if (this.tokens.skip('=')) signature.defaults.push(this.expressions.expression());
      else if (signature.defaults.length > 0) {
        this.tokens.refuse(`parameter ${value} without a default follows one with a default`);
      }
    }
    this.tokens.take();
    return signature;
  }

  private routine(name: string, signature: Signature, end: string): Routine {
    const { loops } = this;
    this.loops = 0;
    const body = this.block(end);
    this.loops = loops;
    return { ...body, name, signature, special: new Set() };
  }

  /** A name, a name of a namespace, or several. */
  private target(ends: string[]): Target {
    const { tokens } = this;
    const { line } = tokens;
    const items: Target[] = [];
    let comma = false;
    do {
      if (tokens.is('block end') || (ends.length > 0 && tokens.is('name', ...ends))) break;
      if (tokens.is('operator', ')')) break;
      items.push(this.singleTarget(ends.length === 0));
      if (!tokens.is('operator', ',')) break;
      comma = true;
    } while (tokens.skip(','));
    const [first] = items;
    if (first === undefined)
      tokens.refuse(`expected a name, found ${describe(tokens.current)}`, line);
    return comma ? { kind: 'tuple', items } : (first as Target);
  }

  private singleTarget(namespaces: boolean): Target {
    const { tokens } = this;
    if (tokens.skip('(')) {
      const inner = tokens.nested(() => this.target([]));
      tokens.expect('operator', ')');
      return inner;
    }
    const { value } = tokens.expect('name');
    if (constants.test(value)) tokens.refuse(`cannot assign to ${value}`);
    if (namespaces && tokens.skip('.')) {
      return { kind: 'namespace', object: value, name: tokens.expect('name').value };
    }
    if (value === 'loop' && this.inLoop > 0) tokens.refuse('cannot assign to loop in a loop');
    return { kind: 'name', name: value };
  }

  private list<T>(parse: () => T): T[] {
    const items = this.tokens.is('block end') ? [] : [parse()];
    while (this.tokens.skip(',')) items.push(parse());
    return items;
  }
}

const constants = /^(true|false|none|True|False|None)$/;
