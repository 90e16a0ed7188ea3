import { AttuneError } from '../errors.ts';
import { byteStarts } from './bytes.ts';
import { Word } from './merger.ts';
import type { TokenList } from './tokens.ts';

/** Puts the tokens of bytes into a word; one of them is the id -1 where a byte has no token. */
export type MergeBytes = (bytes: Uint8Array, word: Word) => void;

/**
 * Encodes pieces of text, remembering the answer. Text repeats its words, and a look-up costs a
 * tenth of merging. An entry is the id of a single-token piece, or [id, start, end] of each token
 * with offsets within the piece; both depend on the piece alone.
 */
export class PieceCache {
  private entries = new Map<string, number | number[]>();
  private readonly word = new Word();

  constructor(
    private readonly merge: MergeBytes,
    private readonly capacity = 1 << 17,
  ) {}

  /** Appends the tokens of `piece`, which lies at `at` in the text. */
  encode(piece: string, at: number, out: TokenList): void {
    if (piece.length > longestKept) {
      this.merged(piece, Buffer.from(piece, 'utf8'), (id, start, end) =>
        out.push(id, at + start, at + end),
      );
      return;
    }
    let entry = this.entries.get(piece);
    if (entry === undefined) entry = this.miss(piece);
    if (typeof entry === 'number') {
      out.push(entry, at, at + piece.length);
      return;
    }
    for (let i = 0; i < entry.length; i += 3) {
      out.push(entry[i] as number, at + (entry[i + 1] as number), at + (entry[i + 2] as number));
    }
  }

  private miss(piece: string): number | number[] {
    const bytes = Buffer.from(piece, 'utf8');
    const tokens: number[] = [];
    this.merged(piece, bytes, (id, start, end) => void tokens.push(id, start, end));
    const entry = tokens.length === 3 ? (tokens[0] as number) : tokens;
    if (this.entries.size >= this.capacity) this.entries = new Map();
    // A slice of a document would keep the whole document alive.
    this.entries.set(bytes.toString('utf8'), entry);
    return entry;
  }

  private merged(
    piece: string,
    bytes: Uint8Array,
    each: (id: number, start: number, end: number) => void,
  ): void {
    const word = this.word;
    word.length = 0;
    this.merge(bytes, word);
    const starts = byteStarts(piece, bytes.length);
    let byte = 0;
    for (let i = 0; i < word.length; i++) {
      const id = word.ids[i] as number;
      if (id < 0) {
        const shown = JSON.stringify(piece);
        throw new AttuneError('tokenizer', `the vocabulary has no token for ${shown}`);
      }
      const end = byte + (word.sizes[i] as number);
      each(id, starts[byte] as number, characterEnd(starts, end));
      byte = end;
    }
  }
}

const longestKept = 64;

/** Where the character of byte `end - 1` ends. */
function characterEnd(starts: Int32Array, end: number): number {
  let next = end;
  while (next < starts.length - 1 && starts[next] === starts[end - 1]) next++;
  return starts[next] ?? 0;
}
