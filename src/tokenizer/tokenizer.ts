import { join } from 'node:path';
import { AttuneError } from '../errors.ts';
import { AddedTokenFinder, type Refusal } from './added.ts';
import { origin, slice } from './align.ts';
import { tokenBytes } from './bytes.ts';
import { makeEncoder, type SectionEncoder } from './encoder.ts';
import { readTokenizerFiles, type TokenizerFiles } from './files.ts';
import { defineTokenizer, type TokenizerDefinition } from './normalize.ts';
import { isControl, type SpecialTokens } from './special.ts';
import { TokenList } from './tokens.ts';
import type { TokenizerCore } from './xenova.ts';

/** `offsets` holds [start, end) of each token in turn, in UTF-16 units of the text; 2n numbers. */
export interface Encoding {
  ids: Int32Array;
  offsets: Int32Array;
}

export interface EncodeOptions {
  addSpecialTokens?: boolean;
  isPlain?: ((start: number, end: number) => boolean) | null;
}

/** Text to ids and back, with the ids of Hugging Face's fast tokenizers. */
export class Tokenizer {
  /** Special tokens by name, for chat templates. */
  readonly special: SpecialTokens;
  /** The tokenizer's own chat template, or null. */
  readonly chatTemplate: string | null;
  /** One more than the largest id. */
  readonly vocabularySize: number;

  private readonly addedIds: ReadonlyMap<string, number>;
  private readonly tokens: (string | undefined)[];
  private readonly specialIds = new Set<number>();
  private readonly finder: AddedTokenFinder;
  private readonly normalizedFinder: AddedTokenFinder;
  private readonly encoder: SectionEncoder;
  private readonly byteLevel: boolean;
  private readonly out = new TokenList();

  private constructor(
    private readonly definition: TokenizerDefinition,
    private readonly core: TokenizerCore,
  ) {
    this.special = definition.special;
    this.chatTemplate = definition.chatTemplate;
    this.addedIds = new Map(definition.added.map((token) => [token.content, token.id]));
    for (const token of definition.added) if (token.special) this.specialIds.add(token.id);
    this.tokens = tokensById(definition.vocabulary, this.addedIds);
    this.vocabularySize = this.tokens.length;
    this.encoder = makeEncoder(definition);
    const verbatim = definition.added.filter((token) => !token.normalized);
    const normalized = definition.added.filter((token) => token.normalized);
    this.finder = new AddedTokenFinder(verbatim, (text) => text);
    this.normalizedFinder = new AddedTokenFinder(
      normalized,
      (text) => this.encoder.normalizer(text).text,
    );
    this.byteLevel = definition.decoder?.type === 'ByteLevel';
  }

  /** Loads the tokenizer of a directory. Rejects with `tokenizer` where that is not possible. */
  static async load(directory: string): Promise<Tokenizer> {
    return Tokenizer.of(readTokenizerFiles(directory));
  }

  /** The tokenizer of files that were read before. */
  static async of(files: TokenizerFiles): Promise<Tokenizer> {
    const { makeCore } = await import('./xenova.ts');
    try {
      const definition = defineTokenizer(files);
      return new Tokenizer(definition, makeCore(definition));
    } catch (error) {
      const reason = (error as Error).message.replace(
        /^(\[tokenizer\.json\]|tokenizer\.json:) /,
        '',
      );
      const name = files.tokenizer === null ? 'vocab.json' : 'tokenizer.json';
      throw new AttuneError('tokenizer', `${join(files.directory, name)}: ${reason}`, {
        cause: error,
      });
    }
  }

  /** What cuts and merges text: native code, or JavaScript where that is not there or not able. */
  get path(): 'native' | 'js' {
    return this.encoder.path;
  }

  get bos(): string | null {
    return this.special.bos_token ?? null;
  }

  get eos(): string | null {
    return this.special.eos_token ?? null;
  }

  get pad(): string | null {
    return this.special.pad_token ?? null;
  }

  get bosId(): number | null {
    return this.idOf(this.bos);
  }

  get eosId(): number | null {
    return this.idOf(this.eos);
  }

  get padId(): number | null {
    return this.idOf(this.pad);
  }

  /** The id of a token of the vocabulary, or null. */
  idOf(token: string | null): number | null {
    if (token === null) return null;
    return this.addedIds.get(token) ?? this.definition.vocabulary.get(token) ?? null;
  }

  /**
   * Encodes text. Special tokens written in the text are found either way; `addSpecialTokens` is
   * about those that the tokenizer puts around a text, which have zero width. Tokens that share a
   * character share its offsets. `isPlain` tells whether any of [start, end) is plain text: no
   * control token is found there.
   */
  encode(text: string, { addSpecialTokens = true, isPlain = null }: EncodeOptions = {}): Encoding {
    const out = this.out;
    out.length = 0;
    const refuses: Refusal | null =
      isPlain && ((token, start, end) => isControl(token) && isPlain(start, end));
    if (addSpecialTokens) for (const id of this.definition.prefix) out.push(id, 0, 0);
    for (const { start, end, token } of this.finder.split(text, refuses)) {
      if (token) out.push(token.id, start, end);
      else this.encodeSection(text.slice(start, end), start, refuses, out);
    }
    if (addSpecialTokens) {
      for (const id of this.definition.suffix) out.push(id, text.length, text.length);
    }
    return out.take();
  }

  /** Text of `ids`; ids outside the vocabulary have none. Bytes that are not UTF-8 read as U+FFFD. */
  decode(ids: ArrayLike<number>, { skipSpecialTokens = false } = {}): string {
    const tokens: string[] = [];
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] ?? -1;
      const token = this.tokens[id];
      if (token === undefined || (skipSpecialTokens && this.specialIds.has(id))) continue;
      tokens.push(token);
    }
    if (!this.byteLevel) return tokens.length === 0 ? '' : this.core.decode(tokens);
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(
      Buffer.concat(tokens.map(tokenBytes)),
    );
  }

  /** Where control tokens stand in `text`: [start, end) of each. */
  controls(text: string): [number, number][] {
    const found: [number, number][] = [];
    for (const { start, end, token } of this.finder.split(text)) {
      if (token && isControl(token)) found.push([start, end]);
      if (token) continue;
      const normalized = this.encoder.normalizer(text.slice(start, end));
      for (const inner of this.normalizedFinder.split(normalized.text)) {
        if (!inner.token || !isControl(inner.token)) continue;
        found.push(origin(normalized, inner.start, inner.end, start));
      }
    }
    return found;
  }

  private encodeSection(
    section: string,
    at: number,
    refuses: Refusal | null,
    out: TokenList,
  ): void {
    const normalized = this.encoder.normalizer(section);
    const inText: Refusal | null =
      refuses && ((token, start, end) => refuses(token, ...origin(normalized, start, end, at)));
    for (const { start, end, token } of this.normalizedFinder.split(normalized.text, inText)) {
      if (token) {
        out.push(token.id, ...origin(normalized, start, end, at));
      } else {
        const { part, shift } = slice(normalized, start, end);
        this.encoder.encode(part, at + shift, out);
      }
    }
  }
}

function tokensById(...maps: ReadonlyMap<string, number>[]): (string | undefined)[] {
  let size = 0;
  for (const ids of maps) for (const id of ids.values()) size = Math.max(size, id + 1);
  const tokens = new Array<string | undefined>(size).fill(undefined);
  for (const ids of maps) for (const [token, id] of ids) tokens[id] = token;
  return tokens;
}
