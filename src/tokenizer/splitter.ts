import { AttuneError } from '../errors.ts';
import { isObject, type JsonObject } from './files.ts';
import { compilePattern } from './pattern/automaton.ts';
import { cut, type Step } from './pattern/cut.ts';

/** How a byte-level tokenizer cuts text into pieces, each step within the pieces of the one before. */
export interface ByteLevelSplitter {
  /** Cut the text. */
  before: Step[];
  /** Cut a piece once it is spelled in the byte alphabet. */
  after: Step[];
  /** A space is put before a section that does not start with one. */
  prefixSpace: boolean;
}

/** The pattern that GPT-2 introduced and ByteLevel applies unless told otherwise. */
const gpt2Pattern =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** The splitter of a byte-level pre_tokenizer; null where it is of another kind. */
export function byteLevelSplitter(preTokenizer: JsonObject | null): ByteLevelSplitter | null {
  const parts = flatten(preTokenizer);
  const at = parts.findIndex((part) => part.type === 'ByteLevel');
  if (at < 0) return null;
  const byteLevel = parts[at] as JsonObject;
  const before = parts.slice(0, at).map(makeStep);
  if (byteLevel.use_regex !== false) before.push(patternStep(gpt2Pattern, true));
  const prefixSpace = byteLevel.add_prefix_space === true;
  if (prefixSpace && at > 0) throw unsupported('add_prefix_space after another pre_tokenizer');
  return { before, after: parts.slice(at + 1).map(makeStep), prefixSpace };
}

/** Calls `each` with the pieces of a text in turn, which put together are the text. Throws `tokenizer`. */
export function split(text: string, steps: readonly Step[], each: (piece: string) => void): void {
  const cutAt = (level: number, start: number, end: number): void => {
    const step = steps[level];
    if (step === undefined) each(text.slice(start, end));
    else cut(text, start, end, step, (from, to) => cutAt(level + 1, from, to));
  };
  if (text !== '') cutAt(0, 0, text.length);
}

function flatten(part: unknown): JsonObject[] {
  if (!isObject(part)) return [];
  return part.type === 'Sequence' && Array.isArray(part.pretokenizers)
    ? part.pretokenizers.flatMap(flatten)
    : [part];
}

function makeStep(part: JsonObject): Step {
  switch (part.type) {
    case 'Split':
      if (part.behavior === 'Isolated') return patternStep(sourceOf(part.pattern), true);
      if (part.behavior === 'Removed' && part.invert === true) {
        return patternStep(sourceOf(part.pattern), false);
      }
      break;
    case 'Digits':
      return patternStep(part.individual_digits === true ? '\\p{N}' : '\\p{N}+', true);
    case 'Punctuation':
      if (part.behavior === 'Contiguous') return patternStep('[\\p{P}$+<=>^`|~]+', true);
      if (part.behavior === 'Isolated') return patternStep('[\\p{P}$+<=>^`|~]', true);
      break;
  }
  throw unsupported(`pre_tokenizer ${JSON.stringify(part).slice(0, 120)}`);
}

function sourceOf(pattern: unknown): string {
  if (isObject(pattern) && typeof pattern.Regex === 'string') return pattern.Regex;
  if (isObject(pattern) && typeof pattern.String === 'string') {
    return pattern.String.replace(/[\p{P}\p{S}]/gu, '\\$&');
  }
  throw unsupported(`pattern ${JSON.stringify(pattern)}`);
}

function patternStep(source: string, gaps: boolean): Step {
  try {
    return { ...compilePattern(source), gaps };
  } catch (error) {
    throw unsupported(`pattern ${source}: ${(error as Error).message}`);
  }
}

function unsupported(what: string): AttuneError {
  return new AttuneError('tokenizer', `tokenizer.json: ${what} is not supported`);
}
