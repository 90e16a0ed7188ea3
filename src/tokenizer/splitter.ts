import { AttuneError } from '../errors.ts';
import { isObject, type JsonObject } from './files.ts';
import { escapePattern, gpt2Pattern, translatePattern } from './pattern.ts';

/** How a byte-level tokenizer cuts text into pieces: before and after it is spelled in bytes. */
export interface ByteLevelSplitter {
  /** Cuts text; the pieces put together are the text. */
  split(text: string): string[];
  /** Cuts a piece spelled in the byte alphabet; null where nothing is left to do there. */
  splitSpelled: ((word: string) => string[]) | null;
  /** A space is put before a section that does not start with one. */
  prefixSpace: boolean;
}

/** Matches are pieces of their own; so is what lies between them, unless it must not exist. */
interface Step {
  pattern: RegExp;
  gaps: boolean;
}

/** The splitter of a byte-level pre_tokenizer; null where it is of another kind. */
export function byteLevelSplitter(preTokenizer: JsonObject | null): ByteLevelSplitter | null {
  const parts = flatten(preTokenizer);
  const at = parts.findIndex((part) => part.type === 'ByteLevel');
  if (at < 0) return null;
  const byteLevel = parts[at] as JsonObject;
  const before = parts.slice(0, at).map(makeStep);
  if (byteLevel.use_regex !== false) {
    before.push({ pattern: translatePattern(gpt2Pattern), gaps: true });
  }
  const prefixSpace = byteLevel.add_prefix_space === true;
  if (prefixSpace && at > 0) throw unsupported('add_prefix_space after another pre_tokenizer');
  const after = parts.slice(at + 1).map(makeStep);
  return {
    split: (text) => cut(text, before),
    splitSpelled: after.length === 0 ? null : (word) => cut(word, after),
    prefixSpace,
  };
}

function flatten(part: unknown): JsonObject[] {
  if (!isObject(part)) return [];
  return part.type === 'Sequence' && Array.isArray(part.pretokenizers)
    ? part.pretokenizers.flatMap(flatten)
    : [part];
}

function makeStep(part: JsonObject): Step {
  switch (part.type) {
    case 'Split': {
      const pattern = splitPattern(part.pattern);
      if (part.behavior === 'Isolated') return { pattern, gaps: true };
      if (part.behavior === 'Removed' && part.invert === true) return { pattern, gaps: false };
      break;
    }
    case 'Digits':
      return { pattern: part.individual_digits === true ? /\p{N}/gu : /\p{N}+/gu, gaps: true };
    case 'Punctuation':
      if (part.behavior === 'Contiguous') return { pattern: /[\p{P}$+<=>^`|~]+/gu, gaps: true };
      if (part.behavior === 'Isolated') return { pattern: /[\p{P}$+<=>^`|~]/gu, gaps: true };
      break;
  }
  throw unsupported(`pre_tokenizer ${JSON.stringify(part).slice(0, 120)}`);
}

function splitPattern(pattern: unknown): RegExp {
  if (isObject(pattern) && typeof pattern.Regex === 'string')
    return translatePattern(pattern.Regex);
  if (isObject(pattern) && typeof pattern.String === 'string') {
    return new RegExp(escapePattern(pattern.String), 'gu');
  }
  throw unsupported(`pattern ${JSON.stringify(pattern)}`);
}

function cut(text: string, steps: readonly Step[]): string[] {
  let pieces = [text];
  for (const step of steps) {
    pieces =
      pieces.length === 1 ? apply(text, step) : pieces.flatMap((piece) => apply(piece, step));
  }
  return pieces;
}

function apply(text: string, { pattern, gaps }: Step): string[] {
  const matches = text.match(pattern) ?? [];
  let covered = 0;
  for (const match of matches) covered += match.length;
  if (covered === text.length && covered > 0 && matches[0] !== '') return matches;
  if (!gaps && covered < text.length) throw unsupported('a Split that removes text');
  const pieces: string[] = [];
  let done = 0;
  for (const match of text.matchAll(pattern)) {
    if (match[0] === '') continue;
    if (done < match.index) pieces.push(text.slice(done, match.index));
    pieces.push(match[0]);
    done = match.index + match[0].length;
  }
  if (done < text.length) pieces.push(text.slice(done));
  return pieces;
}

function unsupported(what: string): AttuneError {
  return new AttuneError('tokenizer', `tokenizer.json: ${what} is not supported`);
}
