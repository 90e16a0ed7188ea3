import { fail } from './failure.ts';
import type { Given, Value } from './values.ts';

/** A parameter that must be given has no default. */
export type Parameter = readonly [name: string, fallback?: Value];

/** Arguments by parameter, as Python binds them; `positional` ones cannot be given by name. */
export function bind(
  name: string,
  { list, named }: Given,
  parameters: readonly Parameter[],
  { positional = false } = {},
): Value[] {
  if (list.length > parameters.length) {
    fail(`${name} takes at most ${parameters.length} arguments, ${list.length} given`);
  }
  if (positional && named.size > 0) fail(`${name} takes no arguments by name`);
  for (const key of named.keys()) {
    const index = parameters.findIndex(([parameter]) => parameter === key);
    if (index < 0) fail(`${name} has no argument ${key}`);
    if (index < list.length) fail(`${name} is given ${key} twice`);
  }
  return parameters.map(([parameter, fallback], i) => {
    const value = i < list.length ? (list[i] as Value) : (named.get(parameter) ?? fallback);
    const given = named.has(parameter) ? (named.get(parameter) as Value) : value;
    if (given === undefined) fail(`${name} needs the argument ${parameter}`);
    return given;
  });
}
