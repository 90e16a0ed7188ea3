import type { Arguments, Expression, Statement } from './syntax.ts';

/** The expressions directly inside an expression, in the order of the text. */
export function parts(expression: Expression): Expression[] {
  switch (expression.kind) {
    case 'list':
    case 'tuple':
      return expression.items;
    case 'dict':
      return expression.pairs.flat();
    case 'and':
    case 'or':
    case 'binary':
      return [expression.left, expression.right];
    case 'not':
    case 'negative':
    case 'positive':
      return [expression.operand];
    case 'compare':
      return [expression.first, ...expression.rest.map(([, operand]) => operand)];
    case 'concat':
      return expression.parts;
    case 'condition':
      return [expression.test, expression.value, expression.otherwise].filter(
        (part) => part !== null,
      );
    case 'attribute':
      return [expression.object];
    case 'item':
      return [expression.object, expression.key];
    case 'slice':
      return expression.bounds.filter((part) => part !== null);
    case 'call':
      return [expression.callee, ...argumentParts(expression.given)];
    case 'filter':
      return [...(expression.input ? [expression.input] : []), ...argumentParts(expression.given)];
    case 'test':
      return [expression.input, ...argumentParts(expression.given)];
  }
  return [];
}

function argumentParts({ list, named, spread, namedSpread }: Arguments): Expression[] {
  const spreads = [spread, namedSpread].filter((part) => part !== null);
  return [...list, ...named.map(([, value]) => value), ...spreads];
}

/** Whether a name is read anywhere in a body. */
export function reads(body: readonly Statement[], name: string): boolean {
  return body.some((statement) => statementReads(statement, name));
}

function statementReads(statement: Statement, name: string): boolean {
  const some = (...expressions: (Expression | null)[]): boolean =>
    expressions.some((expression) => expression !== null && expressionReads(expression, name));
  switch (statement.kind) {
    case 'print':
      return some(...statement.values);
    case 'if':
      return some(statement.test) || reads([...statement.body, ...statement.otherwise], name);
    case 'for': {
      const { iterated, test, body, otherwise } = statement.loop;
      const read = some(iterated, test?.condition ?? null);
      return read || reads([...body.body, ...(otherwise?.body ?? [])], name);
    }
    case 'set':
      return some(statement.value);
    case 'capture':
    case 'filtered':
      return some(statement.filter) || reads(statement.scope.body, name);
    case 'macro':
      return some(...statement.routine.signature.defaults) || reads(statement.routine.body, name);
    case 'call':
      return some(statement.call) || reads(statement.routine.body, name);
    case 'with':
      return some(...statement.values) || reads(statement.scope.body, name);
    case 'generation':
      return reads(statement.scope.body, name);
  }
  return false;
}

function expressionReads(expression: Expression, name: string): boolean {
  if (expression.kind === 'name') return expression.name === name;
  return parts(expression).some((part) => expressionReads(part, name));
}
