import type { Executor } from './execute.ts';
import { fail } from './failure.ts';
import type { Frame } from './frame.ts';
import type { Expression, Routine } from './syntax.ts';
import { Text } from './text.ts';
import { Callable, Dict, type Given, Tuple, Undefined, type Value } from './values.ts';

/** A macro, or the body of a call block, as something to call; it sees the names around `frame`. */
export function makeMacro(executor: Executor, routine: Routine, frame: Frame): Callable {
  const { name, signature, special, body } = routine;
  const call = (given: Given): Value =>
    executor.evaluator.budget.nested(() => {
      const { budget, line } = executor.evaluator;
      budget.step(10);
      const inner = executor.enter(routine, frame);
      const rest = takeParameters(routine, given, inner);
      if (special.has('caller')) {
        const caller = rest.get('caller') ?? new Undefined('no caller is given');
        inner.set('caller', caller);
        rest.delete('caller');
      }
      if (special.has('kwargs')) inner.set('kwargs', dictionary(rest));
      else for (const key of rest.keys()) fail(`macro ${name} has no argument ${key}`);
      const extra = given.list.slice(signature.names.length);
      if (special.has('varargs')) inner.set('varargs', new Tuple(extra));
      else if (extra.length > 0)
        fail(`macro ${name} takes at most ${signature.names.length} arguments`);
      setDefaults(executor, routine, inner);
      const text = executor.capture(body, inner);
      executor.evaluator.line = line;
      return text;
    });
  const members = new Map<string, Value>([
    ['name', new Text(name)],
    ['arguments', new Tuple(signature.names.map((each) => new Text(each)))],
  ]);
  return new Callable(name, call, members);
}

/** Sets the parameters that are given; returns the other named arguments. */
function takeParameters(
  { name, signature }: Routine,
  given: Given,
  inner: Frame,
): Map<string, Value> {
  const rest = new Map(given.named);
  signature.names.forEach((parameter, i) => {
    const named = rest.get(parameter);
    const positional = i < given.list.length;
    if (positional && named !== undefined) fail(`macro ${name} is given ${parameter} twice`);
    inner.set(parameter, positional ? given.list[i] : named);
    rest.delete(parameter);
  });
  return rest;
}

function setDefaults(executor: Executor, { signature }: Routine, inner: Frame): void {
  const required = signature.names.length - signature.defaults.length;
  signature.names.forEach((parameter, i) => {
    if (inner.isSet(parameter)) return;
    const value =
      i < required
        ? new Undefined(`parameter ${parameter} was not provided`)
        : executor.evaluator.evaluate(signature.defaults[i - required] as Expression, inner);
    inner.set(parameter, value);
  });
}

function dictionary(values: ReadonlyMap<string, Value>): Dict {
  const dict = new Dict();
  for (const [name, value] of values) dict.set(new Text(name), value);
  return dict;
}
