/** Which rows an epoch has, what is made of them, and which bad one is named. */
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AttuneError } from '../../../src/errors.ts';
import { file } from '../data/files.ts';
import { batches, documents, lines, numbers, rejection, rows, using } from './run.ts';

test('the first bad row is named, whatever is wrong with it and whichever thread meets one', async () => {
  const good = rows(4000) as unknown[];
  const texts = good.map((row) => JSON.stringify(row));
  texts[3950] = '{"text":';
  texts[2500] = '{"text":"a","text":"b"}';
  texts[1207] = '{"text":""}';
  texts[1208] = '{"prompt":"a","completion":"b"}';
  const files = [file('a.jsonl', lines(rows(50))), file('b.jsonl', texts.join('\n'))];
  for (const [seed, workers] of [
    [1, 1],
    [2, 3],
    [3, 2],
  ] as const) {
    await using({ files, sampling: 'random', seed, workers }, async (dataset) => {
      const { message } = await rejection(dataset.accounting());
      assert.match(message, /b\.jsonl:1208: nothing to train/);
    });
  }
});

test('weights: each row as often as its file says, and the accounts add up', async () => {
  const [all, some, twice] = ['a.jsonl', 'b.jsonl', 'c.jsonl'].map((name, i) =>
    file(name, lines(rows(100 * (i + 1)).slice(100 * i))),
  ) as [string, string, string];
  const files = [all, { path: some, weight: 0.31 }, `${twice}:2.5`];
  const used: string[][] = [];
  for (const workers of [1, 3]) {
    for (const sampling of ['random', 'sequential'] as const) {
      await using({ files, workers, sampling }, async (dataset) => {
        const found = documents(await batches(dataset, 0));
        const { sources, ...accounting } = await dataset.accounting();
        assert.equal(
          sources.map(({ rows, weight, used }) => [rows, weight, used]),
          [
            [100, 1, 100],
            [100, 0.31, 31],
            [100, 2.5, 250],
          ],
        );
        assert.is(accounting.available, 381);
        assert.is(accounting.read, 381);
        assert.is(accounting.trained, 381);
        used.push(found.sort());
      });
    }
  }
  for (const each of used) assert.equal(each, used[0]);
  const times = (from: number) => {
    const counts = new Map<string, number>();
    for (const name of used[0] ?? []) counts.set(name, (counts.get(name) ?? 0) + 1);
    const names = numbers(300).slice(from, from + 100);
    return names.map((name) => counts.get(name) ?? 0).sort();
  };
  assert.equal(times(0), Array(100).fill(1));
  assert.equal(times(100), [...Array(69).fill(0), ...Array(31).fill(1)]);
  assert.equal(times(200), [...Array(50).fill(2), ...Array(50).fill(3)]);
  await using({ files, seed: 43 }, async (dataset) => {
    assert.not.equal(documents(await batches(dataset, 0)).sort(), used[0]);
  });
});

test('a function makes the rows, in the threads as for inspection', async () => {
  const module = file(
    'format.mjs',
    `export default (row) => row.a + row.b;
     export const pair = ({ a, b }) => ({ prompt: a, completion: b });
     export const late = async (row) => row;
     export const none = () => undefined;
     export const throws = (row) => { if (row.a === '3') throw new Error('no three'); return row.a; };
     export const number = 3;`,
  );
  const data = Array.from({ length: 10 }, (_, i) => ({ a: String(i), b: 'xyz' }));
  const files = [file('a.jsonl', lines(data))];
  await using({ files, formatting: module }, async (dataset) => {
    const found = documents(await batches(dataset, 0));
    assert.equal(
      found,
      data.map(({ a, b }) => a + b),
    );
    const texts = [];
    for await (const { text } of dataset.inspect()) texts.push(text.slice(0, 4));
    assert.equal(texts, found);
  });
  await using({ files, formatting: `${pathToFileURL(module)}#pair` }, async (dataset) => {
    const { trainedTokens } = await dataset.accounting();
    assert.is(trainedTokens, 40);
  });
  const refused = async (name: string) =>
    using({ files, formatting: `${module}#${name}` }, async (dataset) => {
      await dataset.accounting();
    }).catch((error: AttuneError) => error.message.replace(`${files[0]}`, 'a.jsonl'));
  assert.is(
    await refused('late'),
    'a.jsonl:1: formatting_func must return a row or a string, and returned a promise: it must not be async',
  );
  assert.match(
    `${await refused('none')}`,
    /^a\.jsonl:1: formatting_func must return .* undefined$/,
  );
  assert.is(await refused('throws'), 'a.jsonl:4: formatting_func: no three');
  assert.match(
    `${await refused('number')}`,
    /no function is exported as number; .* exports default, late/,
  );
  assert.match(`${await refused('other')}`, /no function is exported as other/);
});

test.run();
