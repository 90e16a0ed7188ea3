/** Marks in a row up to here are left to the engine, which takes time quadratic in their number to order them. */
const many = 64;
const run = new RegExp(`\\p{M}{${many},}`, 'gu');

/** NFC; like String.normalize, in linear time for rows of marks too. */
export function normalizeNfc(text: string): string {
  return (text.length < many ? text : text.replace(run, ordered)).normalize('NFC');
}

/**
 * Marks decomposed and in canonical order: between those of class 0 by their combining class, in the
 * order in which they stand where that is the same (Unicode Standard, 3.11, D108 and D109).
 */
function ordered(marks: string): string {
  const parts: string[] = [];
  let waiting = new Map<number, string[]>();
  const flush = (): void => {
    for (const [, each] of [...waiting].sort(([a], [b]) => a - b)) parts.push(each.join(''));
    waiting = new Map();
  };
  const known = new Map<string, [string, number][]>();
  for (const mark of marks) {
    let decomposed = known.get(mark);
    if (decomposed === undefined) {
      decomposed = [...mark.normalize('NFD')].map((each) => [each, rankOf(each)]);
      known.set(mark, decomposed);
    }
    for (const [each, rank] of decomposed) {
      if (rank === 0) {
        flush();
        parts.push(each);
      } else {
        const same = waiting.get(rank);
        if (same) same.push(each);
        else waiting.set(rank, [each]);
      }
    }
  }
  flush();
  return parts.join('');
}

/** Where a mark's class comes among all classes, asked of the engine; 0 for class 0. */
function rankOf(mark: string): number {
  const lower = classes.filter((other) => (mark + other).normalize('NFD') !== mark + other).length;
  if (lower > 0) return lower + 1;
  const last = classes.at(-1) as string;
  return (last + mark).normalize('NFD') === last + mark ? 0 : 1;
}

/** A mark of each combining class but 0, in the order of the classes. */
const classes = `
  334 16ff0 93c 3099 94d 5b0 5b1 5b2 5b3 5b4 5b5 5b6 5b7 5b8
  5b9 5bb 5bc 5bd 5bf 5c1 5c2 fb1e 64b 64c 64d 618 619 61a
  651 652 670 711 c55 c56 e38 e48 eb8 ec8 f71 f72 f74 321
  1dce 31b 1dfa 316 59a 302e 1d16d 5ae 300 315 35c 35d 345
`
  .trim()
  .split(/\s+/)
  .map((code) => String.fromCodePoint(Number.parseInt(code, 16)));
