import { bind } from './arguments.ts';
import type { Budget } from './budget.ts';
import { fail, JinjaFailure } from './failure.ts';
import { makeNamespace } from './members.ts';
import { integerOf } from './numbers.ts';
import { print } from './print.ts';
import { itemsOf } from './sequences.ts';
import { textOf } from './strings.ts';
import { Text } from './text.ts';
import { formatTime } from './time.ts';
import { Callable, Dict, type Given, Range, type Value } from './values.ts';

/** The sandbox of transformers has no longer ranges. */
const longestRange = 100_000;

/** A template's own refusal, by raise_exception. */
export class TemplateRefusal extends JinjaFailure {}

/** What every template can call, as transformers gives it; `now` is what strftime_now reads. */
export function makeGlobals(now: Date, budget: Budget): ReadonlyMap<string, Value> {
  const functions: Record<string, (given: Given) => Value> = {
    range,
    dict,
    namespace: makeNamespace,
    raise_exception: (given) => {
      const [message = null] = bind('raise_exception', given, [['message']]);
      throw new TemplateRefusal(print(message, budget).text);
    },
    strftime_now: (given) => {
      const [format = null] = bind('strftime_now', given, [['format']]);
      return new Text(formatTime(now, textOf(format, 'the format').text));
    },
    lipsum: unsupported('lipsum'),
    cycler: unsupported('cycler'),
    joiner: unsupported('joiner'),
  };
  return new Map(Object.entries(functions).map(([name, call]) => [name, new Callable(name, call)]));
}

function unsupported(name: string): () => never {
  return () => fail(`${name} is not supported in a chat template`);
}

function range(given: Given): Range {
  const parameters = [['start'], ['stop', null], ['step', 1]] as const;
  const [first = null, second = null, by = 1] = bind('range', given, parameters, {
    positional: true,
  });
  const step = integerOf(by, 'the step of range()');
  if (step === 0) fail('the step of range() must not be 0');
  const start = second === null ? 0 : integerOf(first, 'range()');
  const made = new Range(start, integerOf(second === null ? first : second, 'range()'), step);
  if (made.length > longestRange) fail(`range() is longer than ${longestRange}`);
  return made;
}

function dict({ list, named }: Given): Dict {
  const made = new Dict();
  const [source] = list;
  if (list.length > 1) fail('dict takes at most one argument without a name');
  if (source instanceof Dict) {
    for (const [key, value] of source.items()) made.set(key, value);
  } else if (source !== undefined) {
    for (const pair of itemsOf(source)) {
      const [key, value, ...more] = itemsOf(pair);
      if (key === undefined || value === undefined || more.length > 0) fail('dict needs pairs');
      made.set(key, value);
    }
  }
  for (const [name, value] of named) made.set(new Text(name), value);
  return made;
}
