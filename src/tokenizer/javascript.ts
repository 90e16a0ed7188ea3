import { AttuneError } from '../errors.ts';
import type { EncodeText } from './encoder.ts';
import type { TokenizerDefinition } from './normalize.ts';
import { PieceCache } from './piece-cache.ts';
import { type ByteLevelSplitter, split } from './splitter.ts';
import type { TokenList } from './tokens.ts';
import type { WordRules } from './words.ts';

/** Merges one word into tokens. */
export type MergeWord = (word: string) => string[];

/** GPT-2 and its descendants: pieces of text, spelled in bytes, merged. */
export function byteLevelText(
  { model, vocabulary }: TokenizerDefinition,
  { before, after }: ByteLevelSplitter,
  merge: MergeWord,
): EncodeText {
  const mergeWord: MergeWord =
    model.ignore_merges === true ? (word) => (vocabulary.has(word) ? [word] : merge(word)) : merge;
  const cache = new PieceCache(
    after.length === 0 ? mergeWord : (word) => split(word, after).flatMap(mergeWord),
    vocabulary,
  );
  return (text, prefixed, at, out) => {
    const from = out.length;
    let place = prefixed ? -1 : 0;
    for (const piece of split(prefixed ? ` ${text}` : text, before)) {
      cache.encode(piece, at + place, out);
      place += piece.length;
    }
    if (prefixed) out.remap(from, (start, end) => [Math.max(start, at), Math.max(end, at)]);
  };
}

/** Throws `tokenizer` for a merge that is none, or makes what is no token; native code does the same. */
export function checkMerges({ model, vocabulary }: TokenizerDefinition): void {
  model.merges.forEach((merge, rank) => {
    const sides = merge.split(' ');
    const [left = '', right = ''] = sides;
    const bad = (why: string): AttuneError =>
      new AttuneError('tokenizer', `tokenizer.json: merge ${rank}, "${merge}": ${why}`);
    if (sides.length !== 2 || left === '' || right === '') {
      throw bad('not two tokens with a space between');
    }
    for (const side of sides) {
      if (!vocabulary.has(side)) throw bad(`"${side}" is not in the vocabulary`);
    }
    if (!vocabulary.has(left + right)) throw bad('the two together are not in the vocabulary');
  });
}

/** SentencePiece in the form of tokenizer.json: words with ▁ for spaces, unknown ones as bytes. */
export function wordText(
  { model, vocabulary }: TokenizerDefinition,
  rules: WordRules,
  merge: MergeWord,
): EncodeText {
  const words = new WordMerger(model, vocabulary, merge);
  return (text, prefixed, at, out) => {
    const marked = rules.spaces ? text.replaceAll(' ', rules.mark) : text;
    const whole = prefixed ? rules.mark + marked : marked;
    const from = out.length;
    for (let start = 0; start < whole.length; ) {
      const next = rules.split ? whole.indexOf(rules.mark, start + 1) : -1;
      const end = next < 0 ? whole.length : next;
      words.encode(whole.slice(start, end), start, out);
      start = end;
    }
    const moved = prefixed ? at - 1 : at;
    out.remap(from, (start, end) => [Math.max(start + moved, at), Math.max(end + moved, at)]);
  };
}

class WordMerger {
  constructor(
    private readonly model: TokenizerDefinition['model'],
    private readonly ids: ReadonlyMap<string, number>,
    private readonly merge: MergeWord,
  ) {}

  encode(word: string, at: number, out: TokenList): void {
    let place = at;
    let unknownFrom = -1;
    const flushUnknown = (): void => {
      if (unknownFrom >= 0) out.push(this.unknownId(word), unknownFrom, place);
      unknownFrom = -1;
    };
    for (const token of this.merge(word)) {
      const id = this.ids.get(token);
      const bytes = id === undefined ? this.byteIds(token) : null;
      if (id !== undefined || bytes !== null || !this.model.fuse_unk) flushUnknown();
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
    if (!this.model.byte_fallback) return null;
    const ids: number[] = [];
    for (const byte of Buffer.from(token, 'utf8')) {
      const id = this.ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
      if (id === undefined) return null;
      ids.push(id);
    }
    return ids;
  }

  private unknownId(word: string): number {
    const id = this.model.unk_token === null ? undefined : this.ids.get(this.model.unk_token);
    if (id !== undefined) return id;
    throw new AttuneError('tokenizer', `the vocabulary has no token for ${JSON.stringify(word)}`);
  }
}
