// The one place that reaches into @xenova/transformers; the build bundles it into dist/.
import { env } from '@xenova/transformers/src/env.js';
import { PreTrainedTokenizer } from '@xenova/transformers/src/tokenizers.js';
import type { TokenizerDefinition } from './normalize.ts';

env.allowRemoteModels = false;
env.useFSCache = false;

/** What attune takes from the library: merging, normalizing, decoding. Splitting is done here. */
export interface TokenizerCore {
  /** Merges the characters of one word. */
  merge(word: string): string[];
  normalize(text: string): string;
  decode(tokens: string[]): string;
}

/** The library keeps every word it ever saw; pieces are cached, bounded, in piece-cache.ts. */
class NoCache extends Map<string, string[]> {
  override set(): this {
    return this;
  }
}

/** Builds the library's tokenizer from a definition. Throws the library's own errors. */
export function makeCore(definition: TokenizerDefinition): TokenizerCore {
  const tokenizer = new PreTrainedTokenizer(
    {
      normalizer: definition.normalizer,
      pre_tokenizer: null,
      model: definition.model,
      post_processor: null,
      decoder: definition.decoder,
      added_tokens: definition.added,
    },
    {},
  );
  tokenizer.model.cache = new NoCache();
  return {
    merge: (word) => tokenizer.model.bpe(word),
    normalize: (text) => (tokenizer.normalizer === null ? text : tokenizer.normalizer(text)),
    decode: (tokens) => (tokenizer.decoder === null ? tokens.join(' ') : tokenizer.decoder(tokens)),
  };
}
