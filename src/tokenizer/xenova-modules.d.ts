// The tokenizer core of @xenova/transformers has no types; these are the parts used here.
declare module '@xenova/transformers/src/tokenizers.js' {
  export class PreTrainedTokenizer {
    constructor(tokenizer: unknown, config: unknown);
    encode(text: string, pair: null, options: { add_special_tokens: boolean }): number[];
    decoder: ((tokens: string[]) => string) | null;
  }
}

declare module '@xenova/transformers/src/env.js' {
  export const env: { allowRemoteModels: boolean; allowLocalModels: boolean; useFSCache: boolean };
}
