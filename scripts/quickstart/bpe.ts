const pattern = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** The printable stand-in of every byte, as in GPT-2. */
export const bytes: string[] = alphabet();

function alphabet(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 32 && byte < 127) || (byte > 160 && byte < 173) || byte > 173;
    return String.fromCharCode(printable ? byte : next++);
  });
}

function symbols(piece: string): string[] {
  return [...new TextEncoder().encode(piece)].map((byte) => bytes[byte] ?? '');
}

function merged(word: readonly string[], left: string, right: string): string[] {
  const out: string[] = [];
  for (let i = 0; i < word.length; i++) {
    const symbol = word[i] ?? '';
    if (symbol === left && word[i + 1] === right) {
      out.push(left + right);
      i++;
    } else {
      out.push(symbol);
    }
  }
  return out;
}

export class Bpe {
  readonly merges: [string, string][] = [];

  /** Learns up to `count` merges: the most frequent pair first, ties in code-unit order. */
  static train(texts: Iterable<string>, count: number): Bpe {
    const frequency = new Map<string, number>();
    for (const text of texts) {
      for (const [piece] of text.matchAll(pattern)) {
        frequency.set(piece, (frequency.get(piece) ?? 0) + 1);
      }
    }
    const bpe = new Bpe();
    let words = [...frequency].map(([piece, times]) => ({ word: symbols(piece), times }));
    while (bpe.merges.length < count) {
      const pairs = new Map<string, number>();
      for (const { word, times } of words) {
        for (let i = 0; i + 1 < word.length; i++) {
          const pair = `${word[i]} ${word[i + 1]}`;
          pairs.set(pair, (pairs.get(pair) ?? 0) + times);
        }
      }
      let best = '';
      for (const [pair, times] of pairs) {
        const top = pairs.get(best) ?? 0;
        if (times > top || (times === top && pair < best)) best = pair;
      }
      if (!best) break;
      const [left = '', right = ''] = best.split(' ');
      bpe.merges.push([left, right]);
      words = words
        .map(({ word, times }) => ({ word: merged(word, left, right), times }))
        .filter(({ word }) => word.length > 1);
    }
    return bpe;
  }

  encode(text: string): string[] {
    const ranks = new Map(this.merges.map(([left, right], rank) => [`${left} ${right}`, rank]));
    return [...text.matchAll(pattern)].flatMap(([piece]) => {
      let word = symbols(piece);
      for (;;) {
        const found = word.map((x, i) => ranks.get(`${x} ${word[i + 1]}`) ?? Infinity);
        const rank = Math.min(...found);
        const pair = this.merges[rank];
        if (!pair) return word;
        word = merged(word, ...pair);
      }
    });
  }
}
