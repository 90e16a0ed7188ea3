/** Ids equal those of Hugging Face's tokenizers. All of it, on both paths: `npm run prove:tokens`. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';
import { blockSize, digest, folders, golden, made, type Rows, strings, textsOf } from './golden.ts';
import { shared, sharedTest } from './shared.ts';

/** Every token begins where text is already covered, and the whole text is. */
function checkCover(text: string, offsets: Int32Array): void {
  let done = 0;
  for (let i = 0; i < offsets.length; i += 2) {
    if ((offsets[i] ?? 0) > done) assert.unreachable(`gap in ${JSON.stringify(text)} at ${done}`);
    done = Math.max(done, offsets[i + 1] ?? 0);
  }
  assert.is(done, text.length);
}

const texts = strings();
for (const [number, [name, folder]] of Object.entries({ ...folders, ...made }).entries()) {
  sharedTest(
    `${name}: ids of ${texts.length} strings`,
    [join(folder, 'tokenizer.json')],
    async () => {
      const tokenizer = await Tokenizer.load(folder);
      const expected = golden<(number[] | string)[]>(name);
      assert.is(expected.length, texts.length);
      texts.forEach((text, i) => {
        // Of the texts of a megabyte each tokenizer has a few.
        if (text.length > 1e5 && (i + number) % 6 !== 0) return;
        const { ids, offsets } = tokenizer.encode(text, { addSpecialTokens: false });
        const found = typeof expected[i] === 'string' ? digest([ids]) : [...ids];
        assert.equal(found, expected[i], JSON.stringify(text.slice(0, 1000)));
        checkCover(text, offsets);
        if (name === 'gpt2' && text.length < 1e5) assert.is(tokenizer.decode(ids), text);
      });
    },
  );
}

const { files } = golden<{ files: Rows }>('rows');
for (const [name, folder] of Object.entries(folders)) {
  sharedTest(
    `${name}: ids of every eighth block of rows`,
    [join(folder, 'tokenizer.json')],
    async () => {
      const tokenizer = await Tokenizer.load(folder);
      let block = 0;
      for (const [file, hashes] of Object.entries(files)) {
        const rows = existsSync(shared('data', file)) ? textsOf(file) : [];
        assert.is(rows.length, hashes.texts, file);
        for (const [i, expected] of (hashes[name] as string[]).entries()) {
          if (block++ % 8 !== 0) continue;
          const some = rows.slice(i * blockSize, (i + 1) * blockSize);
          const ids = some.map((text) => tokenizer.encode(text, { addSpecialTokens: false }).ids);
          assert.is(digest(ids), expected, `${file}, texts from ${i * blockSize}`);
        }
      }
    },
  );
}

const stories = join(folders.stories260K ?? '', 'golden_encode_llama2c.json');
sharedTest('stories260K: ids of llama2.c', [stories], async () => {
  const tokenizer = await Tokenizer.load(folders.stories260K ?? '');
  const cases = JSON.parse(readFileSync(stories, 'utf8')) as { text: string; ids: number[] }[];
  for (const { text, ids } of cases) {
    assert.equal([...tokenizer.encode(text).ids], ids, text);
    assert.is(tokenizer.decode(ids), text);
  }
  assert.is(tokenizer.bosId, 1);
  assert.is(tokenizer.eosId, 2);
  assert.is(tokenizer.vocabularySize, 512);
});

test.run();
