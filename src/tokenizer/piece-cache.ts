import { AttuneError } from '../errors.ts';
import { byteStarts, spellBytes } from './bytes.ts';
import type { MergeWord } from './javascript.ts';
import type { TokenList } from './tokens.ts';

/**
 * Encodes pieces of text, remembering the answer. Text repeats its words, and a look-up costs a
 * tenth of merging. An entry is the id of a single-token piece, or [id, start, end] of each token
 * with offsets within the piece; both depend on the piece alone.
 */
export class PieceCache {
  private entries = new Map<string, number | number[]>();

  constructor(
    private readonly merge: MergeWord,
    private readonly ids: ReadonlyMap<string, number>,
    private readonly capacity = 1 << 17,
  ) {}

  /** Appends the tokens of `piece`, which lies at `at` in the text. */
  encode(piece: string, at: number, out: TokenList): void {
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
    const entry = this.encodeBytes(piece, bytes);
    if (piece.length > longestKept) return entry;
    if (this.entries.size >= this.capacity) this.entries = new Map();
    // A slice of a document would keep the whole document alive.
    this.entries.set(bytes.toString('utf8'), entry);
    return entry;
  }

  private encodeBytes(piece: string, bytes: Uint8Array): number | number[] {
    const tokens = this.merge(spellBytes(bytes));
    const starts = byteStarts(piece);
    const entry: number[] = [];
    let byte = 0;
    for (const token of tokens) {
      const id = this.ids.get(token);
      if (id === undefined) {
        throw new AttuneError(
          'tokenizer',
          `the vocabulary has no token for ${JSON.stringify(piece)}`,
        );
      }
      const end = byte + token.length;
      entry.push(id, starts[byte] ?? 0, characterEnd(starts, end));
      byte = end;
    }
    if (byte !== bytes.length) {
      throw new AttuneError('tokenizer', `tokens do not cover ${JSON.stringify(piece)}`);
    }
    return entry.length === 3 ? (entry[0] as number) : entry;
  }
}

const longestKept = 64;

/** Where the character of byte `end - 1` ends. */
function characterEnd(starts: Int32Array, end: number): number {
  let next = end;
  while (next < starts.length - 1 && starts[next] === starts[end - 1]) next++;
  return starts[next] ?? 0;
}
