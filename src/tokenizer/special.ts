import { AttuneError } from '../errors.ts';
import { isObject, type JsonObject } from './files.ts';

/** A token matched in the text before the model sees it. Flags are those of tokenizer.json. */
export interface AddedToken {
  id: number;
  content: string;
  special: boolean;
  singleWord: boolean;
  leftStrip: boolean;
  rightStrip: boolean;
  /** Matched in the normalized text; otherwise in the text as written. */
  normalized: boolean;
}

/**
 * Whether a token steers a conversation (ends a turn, names a speaker), so that the text of a message
 * must not make it: special ones, and those spelled <|…|>, which some tokenizers do not call special.
 * Others, such as <think> and <tool_call>, are words that models write.
 */
export function isControl({ special, content }: Pick<AddedToken, 'special' | 'content'>): boolean {
  return special || /^<[|｜].*[|｜]>$/s.test(content);
}

/** Names under which tokenizer_config.json states special tokens. */
export const specialNames = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
] as const;

/** Special tokens by name, as chat templates see them; absent ones have no key. */
export type SpecialTokens = Partial<Record<(typeof specialNames)[number], string>>;

/** Special tokens of tokenizer_config.json: strings, or objects with `content`. */
export function namedSpecialTokens(config: JsonObject): SpecialTokens {
  const named: SpecialTokens = {};
  for (const name of specialNames) {
    const content = tokenContent(config[name]);
    if (content !== null) named[name] = content;
  }
  return named;
}

/**
 * Every added token: those of tokenizer.json, then what tokenizer_config.json adds
 * (added_tokens_decoder, the named and the extra special tokens), in transformers' order. A token
 * without an id gets that of the vocabulary, or the next free one.
 */
export function addedTokens(
  stated: readonly unknown[],
  config: JsonObject,
  byContent: JsonObject,
  vocabulary: ReadonlyMap<string, number>,
): AddedToken[] {
  const tokens = new Map<string, AddedToken>();
  let next = 0;
  for (const id of vocabulary.values()) next = Math.max(next, id + 1);
  const add = (value: unknown, id: number | undefined, special: boolean): void => {
    const content = tokenContent(value);
    if (content === null || content === '') return;
    const known = tokens.get(content);
    if (known) {
      known.special ||= special;
      return;
    }
    const flags = isObject(value) ? value : {};
    const chosen = id ?? vocabulary.get(content) ?? next;
    next = Math.max(next, chosen + 1);
    tokens.set(content, {
      id: chosen,
      content,
      special: special || flags.special === true,
      singleWord: flags.single_word === true,
      leftStrip: flags.lstrip === true,
      rightStrip: flags.rstrip === true,
      normalized: typeof flags.normalized === 'boolean' ? flags.normalized : !special,
    });
  };
  for (const token of stated) {
    if (!isObject(token) || typeof token.id !== 'number') {
      throw new AttuneError('tokenizer', 'tokenizer.json: an entry of added_tokens has no id');
    }
    add(token, token.id, token.special === true);
  }
  for (const [id, token] of numbered(config.added_tokens_decoder)) {
    add(token, id, isObject(token) && token.special === true);
  }
  for (const [content, id] of Object.entries(byContent)) {
    if (typeof id === 'number') add(content, id, false);
  }
  for (const name of specialNames) add(config[name], undefined, true);
  for (const token of extraTokens(config)) add(token, undefined, true);
  return [...tokens.values()];
}

function numbered(decoder: unknown): [number, unknown][] {
  if (!isObject(decoder)) return [];
  return Object.entries(decoder)
    .map(([id, token]): [number, unknown] => [Number(id), token])
    .sort(([a], [b]) => a - b);
}

/** transformers 4 writes a list of additional_special_tokens, 5 a list or a map of extra ones. */
function extraTokens(config: JsonObject): unknown[] {
  return [config.additional_special_tokens, config.extra_special_tokens].flatMap((extra) => {
    if (Array.isArray(extra)) return extra;
    return isObject(extra) ? Object.values(extra) : [];
  });
}

function tokenContent(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return isObject(value) && typeof value.content === 'string' ? value.content : null;
}
