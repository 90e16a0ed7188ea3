import { env } from '../env.ts';
import type { StringList, TextEncoder, TextModel } from '../native/addon.d.ts';
import { loadAddon } from '../native/binding.ts';
import type { TokenizerDefinition } from './normalize.ts';
import type { ByteLevelSplitter } from './splitter.ts';
import type { WordRules } from './words.ts';

/**
 * The native encoder of a byte-level tokenizer; null where it is switched off (ATTUNE_TOKENIZER=js), not
 * built, or does not have what the file asks for. Throws `tokenizer` where the model is not sound.
 */
export function nativeByteLevel(
  definition: TokenizerDefinition,
  splitter: ByteLevelSplitter,
): TextEncoder | null {
  if (splitter.after.length > 0) return null;
  return create(definition, { byteLevel: true, steps: splitter.before, mark: ' ' });
}

/** The same for a tokenizer of words. */
export function nativeWords(definition: TokenizerDefinition, rules: WordRules): TextEncoder | null {
  if (!rules.spaces) return null;
  return create(definition, { byteLevel: false, mark: rules.mark, cutAtMarks: rules.split });
}

function create(
  { model, vocabulary, isAccounted }: TokenizerDefinition,
  kind: Pick<TextModel, 'byteLevel' | 'mark'> & Partial<TextModel>,
): TextEncoder | null {
  if (env.tokenizer === 'js' || !isAccounted) return null;
  const Native = nativeClass();
  if (Native === null) return null;
  return new Native({
    steps: [],
    tokens: list([...vocabulary.keys()]),
    ids: Int32Array.from(vocabulary.values()),
    merges: list(model.merges),
    ignoreMerges: model.ignore_merges,
    cutAtMarks: false,
    byteFallback: model.byte_fallback,
    unknown: (model.unk_token === null ? undefined : vocabulary.get(model.unk_token)) ?? -1,
    fuseUnknown: model.fuse_unk,
    ...kind,
  });
}

function nativeClass(): (new (model: TextModel) => TextEncoder) | null {
  try {
    return loadAddon().TextEncoder ?? null;
  } catch (error) {
    if (env.tokenizer === 'native') throw error;
    return null;
  }
}

function list(strings: readonly string[]): StringList {
  return { text: strings.join(''), lengths: Int32Array.from(strings, (each) => each.length) };
}
