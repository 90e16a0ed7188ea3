import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';
import { shared, sharedTest } from './shared.ts';

const folders: Record<string, string> = {
  gpt2: shared('tokenizers', 'gpt2'),
  'gpt-neox': shared('tokenizers', 'gpt-neox'),
  qwen2: shared('tokenizers', 'qwen2'),
  stories260K: shared('models', 'stories260K'),
};

function golden<T>(name: string): T {
  const url = new URL(`../../golden/tokenizers/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as T;
}

const strings = golden<string[]>('strings');

function summary(ids: Int32Array): number[] | string {
  if (ids.length <= 40) return [...ids];
  return createHash('sha256').update(ids.join(',')).digest('hex').slice(0, 16);
}

/** Every token begins where text is already covered, and the whole text is. */
function checkCover(text: string, offsets: Int32Array): void {
  let done = 0;
  for (let i = 0; i < offsets.length; i += 2) {
    assert.ok((offsets[i] ?? 0) <= done, `gap in ${JSON.stringify(text)} at ${done}`);
    done = Math.max(done, offsets[i + 1] ?? 0);
  }
  assert.is(done, text.length);
}

for (const [name, folder] of Object.entries(folders)) {
  sharedTest(
    `${name}: ids of ${strings.length} strings`,
    [join(folder, 'tokenizer.json')],
    async () => {
      const tokenizer = await Tokenizer.load(folder);
      const expected = golden<(number[] | string)[]>(name);
      for (const pass of ['cold', 'warm']) {
        strings.forEach((text, i) => {
          const { ids, offsets } = tokenizer.encode(text);
          assert.equal(summary(ids), expected[i], `${pass} ${JSON.stringify(text)}`);
          checkCover(text, offsets);
          if (name === 'gpt2') assert.is(tokenizer.decode(ids), text);
        });
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
