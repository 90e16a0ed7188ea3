import { AttuneError } from '../errors.ts';
import { replaceUnit } from './align.ts';
import { byteCharacters, spellBytes } from './bytes.ts';
import type { EncodeText } from './encoder.ts';
import { Merger, Word } from './merger.ts';
import type { TokenizerDefinition } from './normalize.ts';
import { type MergeBytes, PieceCache } from './piece-cache.ts';
import { type ByteLevelSplitter, split } from './splitter.ts';
import type { TokenList } from './tokens.ts';
import type { WordRules } from './words.ts';

/** GPT-2 and its descendants: pieces of text, spelled in bytes, merged. */
export function byteLevelText(
  { model, vocabulary }: TokenizerDefinition,
  { before, after }: ByteLevelSplitter,
): EncodeText {
  const merger = new Merger(model.merges, vocabulary);
  const byteIds = Int32Array.from(byteCharacters, (character) => vocabulary.get(character) ?? -1);
  const longest = model.ignore_merges ? longestOf(vocabulary.keys()) : 0;
  const part = new Word();
  const mergePart: MergeBytes = (bytes, word) => {
    const whole = bytes.length <= longest ? vocabulary.get(spellBytes(bytes)) : undefined;
    if (whole !== undefined) return word.push(whole, bytes.length);
    part.length = 0;
    for (let i = 0; i < bytes.length; i++) part.push(byteIds[bytes[i] as number] as number, 1);
    merger.merge(part);
    word.append(part, 0, part.length);
  };
  const mergeParts: MergeBytes = (bytes, word) => {
    let start = 0;
    split(spellBytes(bytes), after, ({ length }) => {
      mergePart(bytes.subarray(start, start + length), word);
      start += length;
    });
  };
  const cache = new PieceCache(after.length === 0 ? mergePart : mergeParts);
  return (text, prefixed, at, out) => {
    const from = out.length;
    let place = prefixed ? -1 : 0;
    split(prefixed ? ` ${text}` : text, before, (piece) => {
      cache.encode(piece, at + place, out);
      place += piece.length;
    });
    if (prefixed) out.shift(from, 0, at);
  };
}

function longestOf(tokens: Iterable<string>): number {
  let longest = 0;
  for (const token of tokens) longest = Math.max(longest, token.length);
  return longest;
}

/** SentencePiece in the form of tokenizer.json: words with ▁ for spaces, unknown ones as bytes. */
export function wordText(definition: TokenizerDefinition, rules: WordRules): EncodeText {
  const words = new WordMerger(definition);
  return (text, prefixed, at, out) => {
    const marked = rules.spaces ? replaceUnit(text, ' ', rules.mark) : text;
    const whole = prefixed ? rules.mark + marked : marked;
    const from = out.length;
    for (let start = 0; start < whole.length; ) {
      const next = rules.split ? whole.indexOf(rules.mark, start + 1) : -1;
      const end = next < 0 ? whole.length : next;
      words.encode(whole, start, end, out);
      start = end;
    }
    out.shift(from, prefixed ? at - 1 : at, at);
  };
}

class WordMerger {
  private readonly model: TokenizerDefinition['model'];
  private readonly ids: ReadonlyMap<string, number>;
  private readonly merger: Merger;
  private readonly unknown: number | undefined;
  /** Ids of the bytes, or -1. */
  private readonly byteIds: Int32Array;
  private readonly word = new Word();

  constructor({ model, vocabulary }: TokenizerDefinition) {
    this.model = model;
    this.ids = vocabulary;
    this.merger = new Merger(model.merges, vocabulary);
    this.unknown = model.unk_token === null ? undefined : vocabulary.get(model.unk_token);
    this.byteIds = Int32Array.from({ length: 256 }, (_, byte) => {
      const name = `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
      return vocabulary.get(name) ?? -1;
    });
  }

  /** Appends the tokens of [start, end) of `text`. */
  encode(text: string, start: number, end: number, out: TokenList): void {
    const word = this.word;
    word.length = 0;
    for (let at = start; at < end; ) {
      const point = text.codePointAt(at) as number;
      const size = point > 0xffff ? 2 : 1;
      const half = (point & 0xfffff800) === 0xd800;
      word.push(this.ids.get(half ? '\ufffd' : text.slice(at, at + size)) ?? -1, size);
      at += size;
    }
    this.merger.merge(word);
    let place = start;
    let unknownFrom = -1;
    for (let i = 0; i < word.length; i++) {
      const id = word.ids[i] as number;
      const next = place + (word.sizes[i] as number);
      const bytes = id < 0 ? this.bytesOf(text.slice(place, next)) : null;
      if (unknownFrom >= 0 && (id >= 0 || bytes !== null || !this.model.fuse_unk)) {
        out.push(this.unknownId(text, unknownFrom, place), unknownFrom, place);
        unknownFrom = -1;
      }
      if (id >= 0) out.push(id, place, next);
      else if (bytes !== null)
        for (const byte of bytes) out.push(this.byteIds[byte] as number, place, next);
      else if (unknownFrom < 0) unknownFrom = place;
      place = next;
    }
    if (unknownFrom >= 0) out.push(this.unknownId(text, unknownFrom, place), unknownFrom, place);
  }

  /** The bytes of a character where each has a token, else null. */
  private bytesOf(character: string): Uint8Array | null {
    if (!this.model.byte_fallback) return null;
    const bytes = Buffer.from(character, 'utf8');
    return bytes.some((byte) => (this.byteIds[byte] as number) < 0) ? null : bytes;
  }

  private unknownId(text: string, start: number, end: number): number {
    if (this.unknown !== undefined) return this.unknown;
    const shown = JSON.stringify(text.slice(start, end));
    throw new AttuneError('tokenizer', `the vocabulary has no token for ${shown}`);
  }
}
