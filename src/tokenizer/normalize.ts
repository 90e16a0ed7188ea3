import { AttuneError } from '../errors.ts';
import { isAccounted } from './accounted.ts';
import { configTemplate, isObject, type JsonObject, type TokenizerFiles } from './files.ts';
import { type AddedToken, addedTokens, namedSpecialTokens, type SpecialTokens } from './special.ts';

/** One form of a tokenizer, whichever files and whichever release of transformers wrote it. */
export interface TokenizerDefinition {
  /** Parts of tokenizer.json, as written there. */
  normalizer: JsonObject | null;
  preTokenizer: JsonObject | null;
  decoder: JsonObject | null;
  /** BPE; `merges` are "left right" strings. */
  model: BpeModel;
  /** Tokens of the model and their ids; added ones that it does not have are elsewhere. */
  vocabulary: Map<string, number>;
  added: AddedToken[];
  special: SpecialTokens;
  /** Ids put before and after a text when special tokens are added. */
  prefix: number[];
  suffix: number[];
  chatTemplate: string | null;
  /** Whether the files say nothing about text that is not understood here. */
  isAccounted: boolean;
}

type IdOf = (token: string) => number | undefined;

export interface BpeModel {
  type: 'BPE';
  merges: string[];
  unk_token: string | null;
  fuse_unk: boolean;
  byte_fallback: boolean;
  ignore_merges: boolean;
}

/** Interprets the files of a tokenizer directory. Throws `tokenizer` for what is not supported. */
export function defineTokenizer(files: TokenizerFiles): TokenizerDefinition {
  const json = files.tokenizer ?? fromVocabulary(files);
  const { model, vocabulary } = bpeModel(json.model);
  const stated = Array.isArray(json.added_tokens) ? json.added_tokens : [];
  const added = addedTokens(stated, files.config, files.addedTokens, vocabulary);
  const special = namedSpecialTokens(files.config);
  const ids = new Map(added.map((token) => [token.content, token.id]));
  const idOf = (token: string): number | undefined => ids.get(token) ?? vocabulary.get(token);
  const processor = postProcessor(json.post_processor, files.config, special, idOf);
  return {
    normalizer: part(json.normalizer),
    preTokenizer: part(json.pre_tokenizer),
    decoder: part(json.decoder),
    model,
    vocabulary,
    added,
    special,
    ...processor,
    chatTemplate: files.chatTemplate ?? configTemplate(files.config),
    isAccounted: isAccounted(json),
  };
}

/** vocab.json and merges.txt of the GPT-2 kind, as transformers converts them. */
function fromVocabulary(files: TokenizerFiles): JsonObject {
  const lines = (files.merges ?? '').split('\n');
  const merges = lines.filter((line, index) => line !== '' && !(index === 0 && line[0] === '#'));
  const prefixed = files.config.add_prefix_space === true;
  return {
    model: { type: 'BPE', vocab: files.vocabulary, merges },
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: prefixed, use_regex: true },
    decoder: { type: 'ByteLevel' },
  };
}

function bpeModel(model: unknown): { model: BpeModel; vocabulary: Map<string, number> } {
  if (!isObject(model)) throw new AttuneError('tokenizer', 'tokenizer.json: no model');
  const { type, vocab, merges } = model;
  if ((type !== undefined && type !== 'BPE') || !isObject(vocab) || !Array.isArray(merges)) {
    const name = String(type ?? 'without merges');
    throw new AttuneError('tokenizer', `tokenizer.json: model ${name} is not supported (BPE is)`);
  }
  for (const name of ['continuing_subword_prefix', 'end_of_word_suffix', 'dropout']) {
    if (model[name]) throw new AttuneError('tokenizer', `tokenizer.json: ${name} is not supported`);
  }
  return {
    model: {
      type: 'BPE',
      merges: isStrings(merges) ? merges : merges.map(joinPair),
      unk_token: typeof model.unk_token === 'string' ? model.unk_token : null,
      fuse_unk: model.fuse_unk === true,
      byte_fallback: model.byte_fallback === true,
      ignore_merges: model.ignore_merges === true,
    },
    vocabulary: idsOf(vocab),
  };
}

/** Half the time of a Map of Object.entries, on 150,000 tokens. */
function idsOf(vocab: JsonObject): Map<string, number> {
  const ids = new Map<string, number>();
  for (const token of Object.keys(vocab)) {
    const id = vocab[token];
    if (typeof id !== 'number' || !(id >= 0 && id <= largestId && Number.isInteger(id))) {
      const what = `the id of ${JSON.stringify(token)} is ${JSON.stringify(id)}`;
      throw new AttuneError('tokenizer', `tokenizer.json: ${what}, not a whole number`);
    }
    ids.set(token, id);
  }
  return ids;
}

/** Far more tokens than any vocabulary has; there is an entry in memory for each. */
const largestId = 1 << 26;

function isStrings(values: readonly unknown[]): values is string[] {
  return values.every((value) => typeof value === 'string');
}

function joinPair(pair: unknown, rank: number): string {
  if (Array.isArray(pair) && pair.length === 2 && isStrings(pair) && !pair.join('').includes(' ')) {
    return pair.join(' ');
  }
  throw new AttuneError(
    'tokenizer',
    `tokenizer.json: merge ${rank}, ${JSON.stringify(pair)}: not two tokens without spaces`,
  );
}

function part(value: unknown): JsonObject | null {
  return isObject(value) ? value : null;
}

/**
 * Tokens added around a text. add_bos_token or add_eos_token in the config replaces the
 * post-processor of tokenizer.json, as transformers 5 does.
 */
function postProcessor(
  processor: unknown,
  config: JsonObject,
  special: SpecialTokens,
  idOf: IdOf,
): { prefix: number[]; suffix: number[] } {
  const explicit = 'add_bos_token' in config || 'add_eos_token' in config;
  if (!explicit) return processorIds(processor, idOf);
  const ids = (wanted: unknown, token: string | undefined): number[] => {
    const id = token === undefined ? undefined : idOf(token);
    return wanted === true && id !== undefined ? [id] : [];
  };
  return {
    prefix: ids(config.add_bos_token, special.bos_token),
    suffix: ids(config.add_eos_token, special.eos_token),
  };
}

function processorIds(processor: unknown, idOf: IdOf): { prefix: number[]; suffix: number[] } {
  const none = { prefix: [], suffix: [] };
  if (!isObject(processor) || processor.type === 'ByteLevel') return none;
  if (processor.type === 'Sequence' && Array.isArray(processor.processors)) {
    const all = processor.processors.map((each) => processorIds(each, idOf));
    return {
      prefix: all.toReversed().flatMap((each) => each.prefix),
      suffix: all.flatMap((each) => each.suffix),
    };
  }
  if (processor.type === 'TemplateProcessing' && Array.isArray(processor.single)) {
    return templateIds(processor.single, processor.special_tokens, idOf);
  }
  if (Array.isArray(processor.cls) && Array.isArray(processor.sep)) {
    return { prefix: [Number(processor.cls[1])], suffix: [Number(processor.sep[1])] };
  }
  throw new AttuneError(
    'tokenizer',
    `tokenizer.json: post_processor ${String(processor.type)} is not supported`,
  );
}

function templateIds(
  single: unknown[],
  specialTokens: unknown,
  idOf: IdOf,
): { prefix: number[]; suffix: number[] } {
  const prefix: number[] = [];
  const suffix: number[] = [];
  let side = prefix;
  for (const item of single) {
    if (isObject(item) && 'Sequence' in item) side = suffix;
    if (!isObject(item) || !isObject(item.SpecialToken)) continue;
    const name = String(item.SpecialToken.id);
    const entry = isObject(specialTokens) ? specialTokens[name] : undefined;
    const stated = isObject(entry) && Array.isArray(entry.ids) ? entry.ids : [idOf(name)];
    for (const id of stated) {
      if (typeof id === 'number') side.push(id);
      else throw new AttuneError('tokenizer', `post_processor: ${name} is not in the vocabulary`);
    }
  }
  return { prefix, suffix };
}
