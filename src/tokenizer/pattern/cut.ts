import { AttuneError } from '../../errors.ts';
import type { Automaton } from './automaton.ts';

/** Cutting text: matches are pieces of their own; so is what lies between, unless it must not be. */
export interface Step extends Automaton {
  gaps: boolean;
}

/** Steps of the automaton for each unit of text, beyond which a pattern is refused. */
const mostWork = 64;

/** Calls `each` with the beginning and end of every piece of [start, end) of `text`. Throws `tokenizer`. */
export function cut(
  text: string,
  start: number,
  end: number,
  step: Step,
  each: (from: number, to: number) => void,
): void {
  const { classes, transitions, width, gaps } = step;
  let budget = mostWork * (end - start) + 4096;
  let done = start;
  for (let from = start; from < end; ) {
    let match = -1;
    let at = from;
    for (let state = 1; state !== 0; ) {
      const code = at < end ? codeAt(text, at, end) : -1;
      const next = transitions[
        state * width + (code < 0 ? 0 : (classes[code] as number))
      ] as number;
      if ((next & 1) === 1) match = at;
      if (code < 0) break;
      state = next >> 1;
      at += code > 0xffff ? 2 : 1;
    }
    budget -= at - from + 1;
    if (budget < 0) throw tooMuch();
    if (match > from) {
      if (done < from) {
        if (!gaps) throw removes();
        each(done, from);
      }
      each(from, match);
      done = match;
      from = match;
    } else from += (text.codePointAt(from) ?? 0) > 0xffff && from + 1 < end ? 2 : 1;
  }
  if (done < end) {
    if (!gaps) throw removes();
    each(done, end);
  }
}

/** The code point at `at`; half of a pair where `end` lies between. */
function codeAt(text: string, at: number, end: number): number {
  const unit = text.charCodeAt(at);
  if ((unit & 0xfc00) !== 0xd800 || at + 1 >= end) return unit;
  const low = text.charCodeAt(at + 1);
  return (low & 0xfc00) === 0xdc00 ? 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00) : unit;
}

function tooMuch(): AttuneError {
  return new AttuneError(
    'tokenizer',
    'tokenizer.json: a pattern reads the text over and over (its time is not linear): not supported',
  );
}

function removes(): AttuneError {
  return new AttuneError('tokenizer', 'tokenizer.json: a Split that removes text is not supported');
}
