import { fail } from './failure.ts';
import { isFilter, isTest } from './names.ts';
import type { Expression, Loop, Program, Routine, Scope, Statement, Target } from './syntax.ts';
import { parts, reads } from './walk.ts';

/**
 * How a name gets its value where a scope is entered: it is given (parameter), looked up among the
 * variables of the rendering (context), copied from the scope around (outer), or not set yet.
 */
export type Load = 'parameter' | 'context' | 'outer' | 'unset';

/**
 * Names of a scope. Jinja decides before it renders where each name lives, from the order in which
 * it is read and assigned to; a name that a loop reads and the template assigns to further down, for
 * example, is not that of the context.
 */
export class Symbols {
  readonly loads: Map<string, Load>;
  readonly stores: Set<string>;

  constructor(
    readonly parent: Symbols | null,
    copied: Symbols | null = null,
  ) {
    this.loads = new Map(copied?.loads);
    this.stores = new Set(copied?.stores);
  }

  has(name: string): boolean {
    return this.loads.has(name) || this.outside(name);
  }

  /** Whether a scope around has the name. */
  outside(name: string): boolean {
    return this.parent?.has(name) ?? false;
  }

  load(name: string): void {
    if (!this.has(name)) this.loads.set(name, 'context');
  }

  store(name: string): void {
    this.stores.add(name);
    if (!this.loads.has(name)) this.loads.set(name, this.outside(name) ? 'outer' : 'unset');
  }

  parameter(name: string): void {
    this.stores.add(name);
    this.loads.set(name, 'parameter');
  }

  /** Joins what the branches of an `if` do: what only they assign to keeps its value otherwise. */
  merge(branches: readonly Symbols[]): void {
    const stored = new Set(branches.flatMap((branch) => [...branch.stores]));
    for (const name of this.stores) stored.delete(name);
    for (const branch of branches) {
      for (const [name, load] of branch.loads) this.loads.set(name, load);
      for (const name of branch.stores) this.stores.add(name);
    }
    for (const name of stored) this.loads.set(name, this.outside(name) ? 'outer' : 'context');
  }
}

/**
 * Gives every scope of a program its symbols. Throws JinjaFailure for filters and tests that do not
 * exist, unless an `if` guards them: those fail when they run, as in Jinja.
 */
export function analyse(program: Program): void {
  program.symbols = new Symbols(null);
  new Analysis(program.symbols).scopeBody(program.body);
}

/** Of one scope; the scopes inside come after all of it, for they see its names complete. */
class Analysis {
  /** Of the branch of an `if` that is being looked at, or of the scope. */
  private symbols: Symbols;
  private guarded = false;
  private readonly pending: (() => void)[] = [];

  constructor(private readonly whole: Symbols) {
    this.symbols = whole;
  }

  scopeBody(body: readonly Statement[], finish: () => void = () => {}): void {
    this.statements(body);
    finish();
    for (const inner of this.pending) inner();
  }

  private statements(body: readonly Statement[]): void {
    for (const statement of body) this.statement(statement);
  }

  private statement(statement: Statement): void {
    switch (statement.kind) {
      case 'print':
        for (const value of statement.values) this.expression(value);
        break;
      case 'if':
        this.branches(statement);
        break;
      case 'for':
        this.loop(statement.loop);
        break;
      case 'set':
        this.expression(statement.value);
        this.target(statement.target);
        break;
      case 'capture':
        this.target(statement.target);
        this.scope(statement.scope, (inner) => inner.optional(statement.filter));
        break;
      case 'macro':
        this.symbols.store(statement.routine.name);
        this.routine(statement.routine);
        break;
      case 'call':
        this.expression(statement.call);
        this.routine(statement.routine);
        break;
      case 'filtered':
        this.expression(statement.filter);
        this.scope(statement.scope, (inner) => inner.expression(statement.filter));
        break;
      case 'with':
        for (const value of statement.values) this.expression(value);
        this.scope(statement.scope, (inner) => {
          for (const target of statement.targets) inner.parameters(target);
        });
        break;
      case 'generation':
        this.scope(statement.scope);
        break;
    }
  }

  private branches({ test, body, otherwise }: Extract<Statement, { kind: 'if' }>): void {
    this.expression(test);
    const { symbols, guarded } = this;
    const copies = [body, otherwise].map((branch) => {
      this.symbols = new Symbols(symbols.parent, symbols);
      this.guarded = true;
      this.statements(branch);
      return this.symbols;
    });
    this.symbols = symbols;
    this.guarded = guarded;
    symbols.merge(copies);
  }

  private loop(loop: Loop): void {
    this.expression(loop.iterated);
    const { test } = loop;
    if (test !== null) {
      this.pending.push(() => {
        const inner = new Analysis(new Symbols(this.whole));
        inner.parameters(loop.target);
        inner.expression(test.condition);
        test.symbols = inner.whole;
      });
    }
    this.scope(loop.body, (inner) => {
      inner.symbols.parameter('loop');
      inner.parameters(loop.target);
    });
    if (loop.otherwise !== null) this.scope(loop.otherwise);
  }

  private routine(routine: Routine): void {
    const { names, defaults } = routine.signature;
    const special = ['caller', 'kwargs', 'varargs'].filter(
      (name) => !names.includes(name) && reads(routine.body, name),
    );
    routine.special = new Set(special);
    this.scope(
      routine,
      (inner) => {
        for (const name of names) inner.symbols.parameter(name);
        for (const value of defaults) inner.expression(value);
      },
      (inner) => {
        for (const name of special) inner.symbols.parameter(name);
      },
    );
  }

  private scope(
    scope: Scope,
    prepare: (inner: Analysis) => void = () => {},
    finish: (inner: Analysis) => void = () => {},
  ): void {
    this.pending.push(() => {
      const inner = new Analysis(new Symbols(this.whole));
      scope.symbols = inner.whole;
      prepare(inner);
      inner.scopeBody(scope.body, () => finish(inner));
    });
  }

  private target(target: Target): void {
    if (target.kind === 'name') this.symbols.store(target.name);
    else if (target.kind === 'namespace') this.symbols.load(target.object);
    else for (const item of target.items) this.target(item);
  }

  private parameters(target: Target): void {
    if (target.kind === 'name') this.symbols.parameter(target.name);
    else if (target.kind === 'tuple') for (const item of target.items) this.parameters(item);
  }

  private optional(expression: Expression | null): void {
    if (expression !== null) this.expression(expression);
  }

  private expression(expression: Expression): void {
    const { kind } = expression;
    if (kind === 'name') this.symbols.load(expression.name);
    if ((kind === 'filter' || kind === 'test') && !this.guarded) {
      const known = kind === 'filter' ? isFilter(expression.name) : isTest(expression.name);
      if (!known) fail(`line ${expression.line}: no ${kind} named ${expression.name}`);
    }
    const { guarded } = this;
    if (kind === 'condition') this.guarded = true;
    for (const part of parts(expression)) this.expression(part);
    this.guarded = guarded;
  }
}
