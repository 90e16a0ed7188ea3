// `npm run prove:tokens`: ids of both paths equal those of Hugging Face's tokenizers, over every text of
// ../shared/data and over adversarial ones, as scripts/golden/token_ids.py found them; and the two paths
// equal each other, offsets too, on texts at random. Two processes share the work: `--lanes N`.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
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
import { inLanes } from './lib/proof.ts';

const randomTexts = 20_000;
const { tokenizers: version, files } = golden<{ tokenizers: string; files: Rows }>('rows');
const options = { addSpecialTokens: false };
const all = { ...folders, ...made };

/** What was compared, and the first of what differed. */
interface Found {
  what: string;
  checked: number;
  wrong: number;
  first?: string;
}

function found(what: string, checked: number, bad: readonly string[]): Found {
  return { what, checked, wrong: bad.length, ...(bad[0] === undefined ? {} : { first: bad[0] }) };
}

function ids(tokenizer: Tokenizer, text: string): Int32Array {
  return tokenizer.encode(text, options).ids;
}

function compareStrings(what: string, name: string, tokenizer: Tokenizer): Found {
  const expected = golden<(number[] | string)[]>(name);
  const texts = strings();
  const bad = texts.flatMap((text, i) => {
    const given = ids(tokenizer, text);
    const summary = typeof expected[i] === 'string' ? digest([given]) : [...given];
    return String(summary) === String(expected[i]) ? [] : [JSON.stringify(text.slice(0, 80))];
  });
  return found(`${what}, strings`, texts.length, bad);
}

function compareFiles(what: string, name: string, tokenizer: Tokenizer): Found {
  const bad: string[] = [];
  let texts = 0;
  for (const [file, hashes] of Object.entries(files)) {
    const rows = textsOf(file);
    texts += rows.length;
    (hashes[name] as string[]).forEach((hash, i) => {
      const some = rows.slice(i * blockSize, (i + 1) * blockSize);
      if (digest(some.map((text) => ids(tokenizer, text))) !== hash)
        bad.push(`${file}, texts from ${i * blockSize}`);
    });
  }
  return found(`${what}, texts of ${Object.keys(files).length} files`, texts, bad);
}

function comparePaths(name: string, native: Tokenizer, javascript: Tokenizer): Found {
  const bad: string[] = [];
  for (let seed = 0; seed < randomTexts; seed++) {
    const text = randomText(seed + 1e6);
    const [one, other] = [native.encode(text), javascript.encode(text)];
    if (String(one.ids) !== String(other.ids) || String(one.offsets) !== String(other.offsets))
      bad.push(JSON.stringify(text));
  }
  return found(`${name}, native and js at random`, randomTexts, bad);
}

/** One tokenizer on one path, or its two paths against each other. */
async function compare(part: string, name: string): Promise<Found[]> {
  const folder = all[name] as string;
  if (!existsSync(join(folder, 'tokenizer.json'))) return [found(name, 0, [`no ${folder}`])];
  if (part === 'paths') {
    return [comparePaths(name, await loadPath(folder, 'native'), await loadPath(folder, 'js'))];
  }
  const tokenizer = await loadPath(folder, part as 'native' | 'js');
  const what = `${part} ${name}`;
  const results = [compareStrings(what, name, tokenizer)];
  if (name in folders) results.push(compareFiles(what, name, tokenizer));
  return results;
}

const { values } = parseArgs({
  options: {
    lanes: { type: 'string', default: '2' },
    part: { type: 'string' },
    tokenizer: { type: 'string' },
  },
});
if (values.part !== undefined && values.tokenizer !== undefined) {
  console.log(JSON.stringify(await compare(values.part, values.tokenizer)));
} else {
  const parts = ['native', 'js', 'paths'].flatMap((part) =>
    Object.keys(all).map((name) => [part, name] as const),
  );
  let [checked, wrong] = [0, 0];
  await inLanes(parts.length, Number(values.lanes), async (index) => {
    const [part, name] = parts[index] as (typeof parts)[number];
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...process.execArgv, fileURLToPath(import.meta.url), '--part', part, '--tokenizer', name],
      { maxBuffer: 1 << 26 },
    );
    for (const each of JSON.parse(stdout) as Found[]) {
      const first = each.first === undefined ? '' : `; the first is ${each.first}`;
      console.log(`${each.what.padEnd(40)} ${each.checked} compared, ${each.wrong} differ${first}`);
      checked += each.checked;
      wrong += each.wrong;
    }
  });
  const seconds = Math.round(performance.now() / 1000);
  console.log(
    `${wrong === 0 ? 'PROVED' : 'NOT PROVED'} in ${seconds} s: ids of both paths equal tokenizers ${version}; ${checked} compared, ${wrong} differ`,
  );
  process.exitCode = wrong === 0 ? 0 : 1;
}
