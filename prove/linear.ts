// `npm run prove:linear`: tokenizing takes time in proportion to the text, whatever the text. Each
// adversarial text is encoded at n and 2n, warm, in processor time of this process; the ratio may be
// 2.2 and the rate must not fall under 1 MB/s on one core. `-- --path js` proves the JavaScript path.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Tokenizer } from '../src/tokenizer/tokenizer.ts';
import { folders, made } from '../test/src/tokenizer/golden.ts';
import { loadPath } from '../test/src/tokenizer/paths.ts';
import { numbers } from '../test/src/tokenizer/random.ts';

const { values } = parseArgs({
  options: {
    path: { type: 'string', default: 'native' },
    megabytes: { type: 'string', default: '2' },
    runs: { type: 'string', default: '5' },
  },
});
const most = 2.2;
const least = 1;

const random = numbers(1);
const letters = (n: number, from: number, span: number): string => {
  const codes = Array.from({ length: n }, () => from + Math.floor(random() * span));
  return String.fromCodePoint(...codes);
};
const block = 1 << 12;
/** What a text is made of, again and again. */
const units: Record<string, string> = {
  'one letter': 'a',
  spaces: ' ',
  'line ends': '\n',
  'spaces, then a line end': `${' '.repeat(block - 1)}\n`,
  digits: '7',
  apostrophes: "'",
  "'s": "'s",
  'letters in turn': 'ab',
  'letter, space': 'a ',
  'letter, mark': 'e\u0301',
  marks: '\u0301',
  'two marks in turn': '\u0301\u0327',
  hangul: '\ud55c',
  'hangul in parts': '\u1112\u1161\u11ab',
  han: '\u4e2d',
  emoji: '\u{1f600}',
  'joined emoji': '\u{1f468}\u200d',
  'the mark of words': '\u2581',
  'zero characters': '\0',
  'one word of letters at random': letters(block, 97, 26),
  'one word of a few letters': letters(block, 97, 3),
  'new words without end': '',
  'characters at random': letters(block, 0x20, 0x2f00),
  'what almost is a control token': '<|endoftext|',
  'control tokens': '<|endoftext|>',
};

function text(unit: string, bytes: number): string {
  if (unit === '') {
    let words = '';
    while (words.length < bytes) words += ` ${letters(3 + Math.floor(random() * 9), 97, 26)}`;
    return words;
  }
  return unit.repeat(Math.ceil(bytes / Buffer.byteLength(unit)));
}

function seconds(tokenizer: Tokenizer, each: string): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < Number(values.runs); run++) {
    const before = process.cpuUsage();
    tokenizer.encode(each, { addSpecialTokens: false });
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1e6);
  }
  return best;
}

const bytes = 1e6 * Number(values.megabytes);
let failed = 0;
let [worstRatio, worstRate] = [
  { value: 0, what: '' },
  { value: Number.POSITIVE_INFINITY, what: '' },
];
for (const [name, folder] of Object.entries({ ...folders, ...made })) {
  if (!existsSync(join(folder, 'tokenizer.json'))) continue;
  const tokenizer = await loadPath(folder, values.path as 'native' | 'js');
  tokenizer.encode(text('the quick brown fox, ', 1e6));
  for (const [kind, unit] of Object.entries(units)) {
    const [short, long] = [text(unit, bytes), text(unit, 2 * bytes)];
    let [ratio, rate] = [0, 0];
    // A disturbed measurement is taken again.
    for (let attempt = 0; attempt < 3; attempt++) {
      const [once, twice] = [seconds(tokenizer, short), seconds(tokenizer, long)];
      ratio = twice / once;
      rate = Math.min(Buffer.byteLength(short) / once, Buffer.byteLength(long) / twice) / 1e6;
      if (ratio <= most && rate >= least) break;
    }
    const what = `${name}, ${kind}`;
    const bad = ratio > most || rate < least;
    if (bad) failed++;
    if (ratio > worstRatio.value) worstRatio = { value: ratio, what };
    if (rate < worstRate.value) worstRate = { value: rate, what };
    console.log(
      `${bad ? 'FAILED ' : ''}${what.padEnd(52)} time(2n)/time(n) ${ratio.toFixed(2)}  ${rate.toFixed(1).padStart(7)} MB/s`,
    );
  }
}
console.log(
  `${failed === 0 ? 'PROVED' : 'NOT PROVED'} (${values.path}, ${values.megabytes} and ${2 * Number(values.megabytes)} MB): largest ratio ${worstRatio.value.toFixed(2)} (${worstRatio.what}), lowest rate ${worstRate.value.toFixed(1)} MB/s (${worstRate.what})`,
);
process.exit(failed === 0 ? 0 : 1);
