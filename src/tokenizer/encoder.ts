import type { TextEncoder } from '../native/addon.d.ts';
import { translate } from '../native/engine.ts';
import type { Aligned } from './align.ts';
import { byteLevelText, wordText } from './javascript.ts';
import { nativeByteLevel, nativeWords } from './native.ts';
import type { TokenizerDefinition } from './normalize.ts';
import { makeNormalizer, type Normalizer } from './normalizer.ts';
import { byteLevelSplitter } from './splitter.ts';
import type { TokenList } from './tokens.ts';
import { isPrefixed, wordRules } from './words.ts';

/** Appends the tokens of a text behind a mark, if prefixed; offsets are moved by `at`. */
export type EncodeText = (text: string, prefixed: boolean, at: number, out: TokenList) => void;

/** What turns text without added tokens into tokens: a normalizer, then a byte-pair encoding. */
export interface SectionEncoder {
  normalizer: Normalizer;
  /** native, or JavaScript. */
  path: 'native' | 'js';
  /**
   * Appends the tokens of normalized text; `at` is where its offset 0 lies in the text. Throws
   * `tokenizer` where a character has no token.
   */
  encode(section: Aligned, at: number, out: TokenList): void;
}

/** The encoder of a definition. Throws `tokenizer`. */
export function makeEncoder(definition: TokenizerDefinition): SectionEncoder {
  const splitter = byteLevelSplitter(definition.preTokenizer);
  if (splitter !== null) {
    const native = nativeByteLevel(definition, splitter);
    return {
      normalizer: makeNormalizer(definition.normalizer),
      ...sections(
        native,
        () => byteLevelText(definition, splitter),
        (text) => splitter.prefixSpace && !text.startsWith(' '),
      ),
    };
  }
  const { rules, normalizer } = wordRules(definition);
  return {
    normalizer: makeNormalizer(normalizer),
    ...sections(
      nativeWords(definition, rules),
      () => wordText(definition, rules),
      (text, first) => isPrefixed(rules, text, first),
    ),
  };
}

function sections(
  native: TextEncoder | null,
  javascript: () => EncodeText,
  isBehindMark: (text: string, first: boolean) => boolean,
): Omit<SectionEncoder, 'normalizer'> {
  const encode: EncodeText =
    native === null
      ? javascript()
      : (text, prefixed, at, out) => {
          try {
            out.pushEncoded(native, text, prefixed, at);
          } catch (error) {
            throw translate(error);
          }
        };
  return {
    path: native === null ? 'js' : 'native',
    encode(section, at, out) {
      const { text, starts, ends } = section;
      const prefixed = isBehindMark(text, at + (starts?.[0] ?? 0) === 0);
      const from = out.length;
      encode(text, prefixed, starts === null ? at : 0, out);
      if (starts !== null && ends !== null) out.realign(from, starts, ends, at);
    },
  };
}
