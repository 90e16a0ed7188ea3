import { AttuneError } from '../errors.ts';
import { type Aligned, origin } from './align.ts';
import { type WordSplitter, wordSplitter } from './metaspace.ts';
import type { TokenizerDefinition } from './normalize.ts';
import { PieceCache } from './piece-cache.ts';
import { type ByteLevelSplitter, byteLevelSplitter } from './splitter.ts';
import type { TokenList } from './tokens.ts';

/** Encodes normalized text that holds no added token. */
export interface SectionEncoder {
  /**
   * Appends the tokens of `section`; `at` is where its offset 0 lies in the text. Throws
   * `tokenizer` when a token's place in the text cannot be told.
   */
  encode(section: Aligned, at: number, out: TokenList): void;
}

/** The encoder for a definition; `merge` is the model's, from characters of a word to tokens. */
export function makeEncoder(
  definition: TokenizerDefinition,
  ids: ReadonlyMap<string, number>,
  merge: (word: string) => string[],
): SectionEncoder {
  const splitter = byteLevelSplitter(definition.preTokenizer);
  const { ignore_merges: ignoreMerges } = definition.model;
  const mergeWord = (word: string): string[] =>
    ignoreMerges && ids.has(word) ? [word] : merge(word);
  if (splitter) return new ByteLevelEncoder(splitter, mergeWord, ids);
  return new WordEncoder(wordSplitter(definition.preTokenizer), mergeWord, ids, {
    byteFallback: definition.model.byte_fallback,
    unknown: definition.model.unk_token,
    fuse: definition.model.fuse_unk,
  });
}

/** GPT-2 and its descendants: pieces of text, spelled in bytes, merged. */
class ByteLevelEncoder implements SectionEncoder {
  private readonly cache: PieceCache;

  constructor(
    private readonly splitter: ByteLevelSplitter,
    merge: (word: string) => string[],
    ids: ReadonlyMap<string, number>,
  ) {
    const { splitSpelled } = splitter;
    this.cache = new PieceCache(
      splitSpelled === null ? merge : (word) => splitSpelled(word).flatMap(merge),
      ids,
    );
  }

  encode(section: Aligned, at: number, out: TokenList): void {
    const { text } = section;
    const added = this.splitter.prefixSpace && !text.startsWith(' ') ? 1 : 0;
    const moved = section.starts !== null || added > 0;
    const from = out.length;
    let place = moved ? -added : at;
    for (const piece of this.splitter.split(added > 0 ? ` ${text}` : text)) {
      this.cache.encode(piece, place, out);
      place += piece.length;
    }
    if (moved) {
      out.remap(from, (start, end) => origin(section, Math.max(start, 0), Math.max(end, 0), at));
    }
  }
}

/** SentencePiece in the form of tokenizer.json: words with ▁ for spaces, unknown ones as bytes. */
class WordEncoder implements SectionEncoder {
  constructor(
    private readonly splitter: WordSplitter,
    private readonly merge: (word: string) => string[],
    private readonly ids: ReadonlyMap<string, number>,
    private readonly model: { byteFallback: boolean; unknown: string | null; fuse: boolean },
  ) {}

  encode(section: Aligned, at: number, out: TokenList): void {
    const first = at + (section.starts?.[0] ?? 0) === 0;
    const prepared = this.splitter.prepare(section, first);
    const from = out.length;
    for (const { start, end } of this.splitter.words(prepared.text)) {
      this.encodeWord(prepared.text.slice(start, end), start, out);
    }
    out.remap(from, (start, end) => origin(prepared, start, end, at));
  }

  private encodeWord(word: string, at: number, out: TokenList): void {
    let place = at;
    let unknownFrom = -1;
    const flushUnknown = (): void => {
      if (unknownFrom >= 0) out.push(this.unknownId(word), unknownFrom, place);
      unknownFrom = -1;
    };
    for (const token of this.merge(word)) {
      const id = this.ids.get(token);
      const bytes = id === undefined ? this.byteIds(token) : null;
      if (id !== undefined || bytes !== null || !this.model.fuse) flushUnknown();
      const end = place + token.length;
      if (id !== undefined) out.push(id, place, end);
      else if (bytes !== null) for (const byte of bytes) out.push(byte, place, end);
      else if (unknownFrom < 0) unknownFrom = place;
      place = end;
    }
    flushUnknown();
    if (place !== at + word.length) {
      throw new AttuneError('tokenizer', `tokens do not cover ${JSON.stringify(word)}`);
    }
  }

  private byteIds(token: string): number[] | null {
    if (!this.model.byteFallback) return null;
    const ids: number[] = [];
    for (const byte of Buffer.from(token, 'utf8')) {
      const id = this.ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
      if (id === undefined) return null;
      ids.push(id);
    }
    return ids;
  }

  private unknownId(word: string): number {
    const id = this.model.unknown === null ? undefined : this.ids.get(this.model.unknown);
    if (id !== undefined) return id;
    throw new AttuneError('tokenizer', `the vocabulary has no token for ${JSON.stringify(word)}`);
  }
}
