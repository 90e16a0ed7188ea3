import type { Symbols } from './symbols.ts';
import type { Text } from './text.ts';

/** What a call, a filter or a test is given. */
export interface Arguments {
  list: Expression[];
  named: [string, Expression][];
  spread: Expression | null;
  namedSpread: Expression | null;
}

export type Expression = { line: number } & (
  | { kind: 'text'; value: Text }
  | { kind: 'integer'; value: number }
  | { kind: 'float'; value: number }
  | { kind: 'constant'; value: boolean | null }
  | { kind: 'name'; name: string }
  | { kind: 'list' | 'tuple'; items: Expression[] }
  | { kind: 'dict'; pairs: [Expression, Expression][] }
  | { kind: 'and' | 'or'; left: Expression; right: Expression }
  | { kind: 'not' | 'negative' | 'positive'; operand: Expression }
  | { kind: 'binary'; operator: string; left: Expression; right: Expression }
  | { kind: 'compare'; first: Expression; rest: [string, Expression][] }
  | { kind: 'concat'; parts: Expression[] }
  | { kind: 'condition'; test: Expression; value: Expression; otherwise: Expression | null }
  | { kind: 'attribute'; object: Expression; name: string }
  | { kind: 'item'; object: Expression; key: Expression }
  | { kind: 'slice'; bounds: (Expression | null)[] }
  | { kind: 'call'; callee: Expression; given: Arguments }
  | { kind: 'filter'; input: Expression | null; name: string; given: Arguments }
  | { kind: 'test'; input: Expression; name: string; given: Arguments }
);

/** What is assigned to; `namespace` is `object.name`. */
export type Target =
  | { kind: 'name'; name: string }
  | { kind: 'namespace'; object: string; name: string }
  | { kind: 'tuple'; items: Target[] };

export interface Signature {
  names: string[];
  /** Of the last parameters. */
  defaults: Expression[];
}

/** A stretch of template with variables of its own. */
export interface Scope {
  body: Statement[];
  symbols: Symbols;
}

/** A stretch that runs as a function: a macro, or the body of a call block. */
export interface Routine extends Scope {
  name: string;
  signature: Signature;
  /** The special names caller, kwargs and varargs that the body reads. */
  special: ReadonlySet<string>;
}

export interface Loop {
  target: Target;
  iterated: Expression;
  test: { condition: Expression; symbols: Symbols } | null;
  recursive: boolean;
  body: Scope;
  otherwise: Scope | null;
}

export type Statement = { line: number } & (
  | { kind: 'output'; value: Text }
  | { kind: 'print'; values: Expression[] }
  | { kind: 'if'; test: Expression; body: Statement[]; otherwise: Statement[] }
  | { kind: 'for'; loop: Loop }
  | { kind: 'break' | 'continue' }
  | { kind: 'set'; target: Target; value: Expression }
  | { kind: 'capture'; target: Target; filter: Expression | null; scope: Scope }
  | { kind: 'macro'; routine: Routine }
  | { kind: 'call'; call: Expression; routine: Routine }
  | { kind: 'filtered'; filter: Expression; scope: Scope }
  | { kind: 'with'; targets: Target[]; values: Expression[]; scope: Scope }
  | { kind: 'generation'; scope: Scope }
);

export interface Program extends Scope {
  /** Whether there is a {% generation %} block. */
  marked: boolean;
}
