import { AttuneError } from '../errors.ts';
import { isObject, type JsonObject } from './files.ts';
import type { TokenizerDefinition } from './normalize.ts';

/** How text becomes words, in the way of SentencePiece: a mark stands for a space. */
export interface WordRules {
  /** One UTF-16 unit. */
  mark: string;
  /** Whether all spaces become marks. */
  spaces: boolean;
  /** When a mark is put in front of a section: always, where it has none, or that and first of all. */
  prepend: 'always' | 'missing' | 'first' | 'never';
  /** A word begins at every mark; otherwise all is one word. */
  split: boolean;
}

/**
 * The rules of a tokenizer that is not byte-level, and the normalizer that is left to run before
 * them: that which only puts marks is part of the rules, unless added tokens are found in its text.
 */
export function wordRules({
  normalizer,
  preTokenizer,
  added,
}: Pick<TokenizerDefinition, 'normalizer' | 'preTokenizer' | 'added'>): {
  rules: WordRules;
  normalizer: JsonObject | null;
} {
  const rules = preTokenizerRules(preTokenizer);
  const marks = rules.spaces ? null : marking(normalizer);
  if (marks === null) return { rules, normalizer };
  if (added.every((token) => !token.normalized)) {
    return { rules: { ...rules, ...marks }, normalizer: null };
  }
  return { rules: { ...rules, ...marks, prepend: 'never' }, normalizer };
}

/** Whether a mark goes in front of a section; `first`: it starts the text. */
export function isPrefixed(
  { prepend, mark, spaces }: WordRules,
  text: string,
  first: boolean,
): boolean {
  if (prepend === 'always') return text !== '';
  if (prepend === 'never' || (prepend === 'first' && !first)) return false;
  return !text.startsWith(mark) && !(spaces && text.startsWith(' '));
}

function preTokenizerRules(part: JsonObject | null): WordRules {
  const rules: WordRules = { mark: '▁', spaces: false, prepend: 'never', split: false };
  if (part === null) return rules;
  if (part.type === 'Metaspace') return metaspace(part);
  // Gemma's file splits at spaces that its normalizer has already replaced.
  const pattern = isObject(part.pattern) ? part.pattern.String : undefined;
  if (part.type === 'Split' && pattern === ' ') return rules;
  throw unsupported(`pre_tokenizer ${String(part.type)}`);
}

function metaspace(part: JsonObject): WordRules {
  const mark = String(part.replacement ?? '▁');
  const legacy = part.add_prefix_space === false ? 'never' : 'always';
  const scheme = String(part.prepend_scheme ?? legacy);
  if (mark.length !== 1) throw unsupported(`the replacement ${JSON.stringify(mark)}`);
  const prepend = { always: 'missing', first: 'first', never: 'never' } as const;
  if (!(scheme in prepend)) throw unsupported(`prepend_scheme ${scheme}`);
  return {
    mark,
    spaces: true,
    prepend: prepend[scheme as keyof typeof prepend],
    split: part.split !== false,
  };
}

/** What a normalizer does that replaces spaces by marks, and puts one in front first or does not. */
function marking(
  normalizer: JsonObject | null,
): Pick<WordRules, 'mark' | 'spaces' | 'prepend'> | null {
  const steps =
    normalizer?.type === 'Sequence' && Array.isArray(normalizer.normalizers)
      ? (normalizer.normalizers as unknown[])
      : [normalizer];
  const replace = steps.at(-1);
  const prepend = steps.at(-2);
  if (steps.length > 2 || !isObject(replace) || replace.type !== 'Replace') return null;
  const mark = replace.content;
  if (!isObject(replace.pattern) || replace.pattern.String !== ' ') return null;
  if (typeof mark !== 'string' || mark.length !== 1) return null;
  if (prepend === undefined) return { mark, spaces: true, prepend: 'never' };
  if (!isObject(prepend) || prepend.type !== 'Prepend' || prepend.prepend !== mark) return null;
  return { mark, spaces: true, prepend: 'always' };
}

function unsupported(what: string): AttuneError {
  return new AttuneError('tokenizer', `tokenizer.json: ${what} is not supported`);
}
