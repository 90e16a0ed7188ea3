// `npm run prove:tokens`: ids of both paths equal those of Hugging Face's tokenizers, over every text of
// ../shared/data and over adversarial ones, as scripts/golden/token_ids.py found them.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Tokenizer } from '../src/tokenizer/tokenizer.ts';
import {
  blockSize,
  digest,
  folders,
  golden,
  made,
  type Rows,
  strings,
  textsOf,
} from '../test/src/tokenizer/golden.ts';
import { loadPath } from '../test/src/tokenizer/paths.ts';
import { randomText } from '../test/src/tokenizer/random.ts';

const randomTexts = 20_000;
const { tokenizers: version, files } = golden<{ tokenizers: string; files: Rows }>('rows');
const options = { addSpecialTokens: false };
let wrong = 0;

function ids(tokenizer: Tokenizer, text: string): Int32Array {
  return tokenizer.encode(text, options).ids;
}

function report(name: string, checked: number, bad: readonly string[]): void {
  wrong += bad.length;
  const first = bad.length > 0 ? `; the first is ${bad[0]}` : '';
  console.log(`${name.padEnd(32)} ${checked - bad.length} of ${checked} equal${first}`);
}

const texts = strings();
for (const path of ['native', 'js'] as const) {
  for (const [name, folder] of Object.entries({ ...folders, ...made })) {
    if (!existsSync(join(folder, 'tokenizer.json'))) {
      console.log(`${name}: ${folder} is absent`);
      wrong++;
      continue;
    }
    const tokenizer = await loadPath(folder, path);
    const expected = golden<(number[] | string)[]>(name);
    const bad = texts.flatMap((text, i) => {
      const found = ids(tokenizer, text);
      const summary = typeof expected[i] === 'string' ? digest([found]) : [...found];
      return String(summary) === String(expected[i]) ? [] : [JSON.stringify(text.slice(0, 80))];
    });
    report(`${path} ${name}, strings`, texts.length, bad);
    if (!(name in folders)) continue;
    const badBlocks: string[] = [];
    let blocks = 0;
    for (const [file, hashes] of Object.entries(files)) {
      const rows = textsOf(file);
      (hashes[name] as string[]).forEach((hash, i) => {
        blocks++;
        const some = rows.slice(i * blockSize, (i + 1) * blockSize);
        if (digest(some.map((text) => ids(tokenizer, text))) !== hash)
          badBlocks.push(`${file}, texts from ${i * blockSize}`);
      });
    }
    report(`${path} ${name}, blocks of rows`, blocks, badBlocks);
  }
}

// Texts at random, offsets too: the two paths against each other.
for (const [name, folder] of Object.entries({ ...folders, ...made })) {
  const [native, javascript] = [await loadPath(folder, 'native'), await loadPath(folder, 'js')];
  const bad: string[] = [];
  for (let seed = 0; seed < randomTexts; seed++) {
    const text = randomText(seed + 1e6);
    const [one, other] = [native.encode(text), javascript.encode(text)];
    if (Buffer.compare(Buffer.from(one.ids.buffer), Buffer.from(other.ids.buffer)) !== 0)
      bad.push(JSON.stringify(text));
    else if (String(one.offsets) !== String(other.offsets)) bad.push(JSON.stringify(text));
  }
  report(`${name}, native and js at random`, randomTexts, bad);
}

const count = Object.values(files).reduce((sum, file) => sum + file.texts, 0);
console.log(
  `${wrong === 0 ? 'PROVED' : 'NOT PROVED'}: ids equal tokenizers ${version} on ${count} texts of ${Object.keys(files).length} files and ${texts.length} strings; ${wrong} differ`,
);
process.exit(wrong === 0 ? 0 : 1);
