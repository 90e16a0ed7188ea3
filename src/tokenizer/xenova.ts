// The one place that reaches into @xenova/transformers; the build bundles it into dist/.
import { env } from '@xenova/transformers/src/env.js';
import { PreTrainedTokenizer } from '@xenova/transformers/src/tokenizers.js';
import { checkDecoder } from './decoder.ts';
import type { JsonObject } from './files.ts';
import type { TokenizerDefinition } from './normalize.ts';

env.allowRemoteModels = false;
env.useFSCache = false;

/** What attune takes from the library: decoding. The rest, with offsets, is done here. */
export interface TokenizerCore {
  decode(tokens: string[]): string;
}

/**
 * Builds the library's tokenizer from a definition. It is given neither vocabulary nor merges,
 * which decoding does not need.
 * Throws the library's own errors.
 */
export function makeCore({ model, decoder, added }: TokenizerDefinition): TokenizerCore {
  if (decoder) checkDecoder(decoder);
  const tokenizer = new PreTrainedTokenizer(
    {
      normalizer: null,
      pre_tokenizer: null,
      model: { ...model, vocab: {}, merges: [] },
      post_processor: null,
      decoder: decoder && withPrefixFlag(decoder),
      added_tokens: added,
    },
    {},
  );
  return {
    decode: (tokens) => (tokenizer.decoder === null ? tokens.join(' ') : tokenizer.decoder(tokens)),
  };
}

/** Newer files state prepend_scheme where the library looks for add_prefix_space. */
function withPrefixFlag(decoder: JsonObject): JsonObject {
  if (Array.isArray(decoder.decoders)) {
    return { ...decoder, decoders: decoder.decoders.map(withPrefixFlag) };
  }
  if (decoder.type !== 'Metaspace') return decoder;
  const prefixed = (decoder.prepend_scheme ?? 'always') !== 'never';
  return { add_prefix_space: prefixed, ...decoder };
}
