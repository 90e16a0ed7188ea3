import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Batch } from '../../../src/batch/batch.ts';
import { Dataset } from '../../../src/batch/dataset.ts';
import type { DataOptions } from '../../../src/data/options.ts';
import { AttuneError } from '../../../src/errors.ts';
import { file } from '../data/files.ts';
import { tinyDirectory } from '../tokenizer/tiny.ts';
import { options } from '../worker/options.ts';

const tokenizerDir = tinyDirectory();
const lines = (rows: unknown[]): string => rows.map((row) => JSON.stringify(row)).join('\n');

/** Row i is i % 40 + 2 letters, and tells its number by its first four. */
function rows(count: number): { text: string }[] {
  return Array.from({ length: count }, (_, i) => ({
    text: String(i).padStart(4, '0') + 'x'.repeat(i % 40),
  }));
}

async function using<T>(
  changes: Partial<DataOptions>,
  run: (dataset: Dataset) => Promise<T>,
): Promise<T> {
  const dataset = await Dataset.open(options({ tokenizerDir, ...changes }));
  try {
    return await run(dataset);
  } finally {
    await dataset.close();
  }
}

async function batches(dataset: Dataset, epoch: number, start = 0): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of dataset.batches(epoch, start)) all.push(batch);
  return all;
}

/** First four letters of every document. */
function documents(all: readonly Batch[]): string[] {
  return all.flatMap(({ tokens, segments }) =>
    [...segments.slice(0, -1)].map((start) =>
      String.fromCharCode(...tokens.slice(start, start + 4)),
    ),
  );
}

const numbers = (count: number): string[] => rows(count).map(({ text }) => text.slice(0, 4));

async function rejection(promise: Promise<unknown>): Promise<AttuneError> {
  try {
    await promise;
  } catch (error) {
    assert.instance(error, AttuneError, String((error as Error).stack));
    return error as AttuneError;
  }
  return assert.unreachable('resolved') as never;
}

test('sequential: file order in every epoch, short last batch, start in the middle', async () => {
  const files = [file('a.jsonl', lines(rows(150))), file('b.json', JSON.stringify(rows(7)))];
  await using({ files, batchSize: 10 }, async (dataset) => {
    const all = await batches(dataset, 0);
    assert.is(all.length, 16);
    assert.equal(documents(all), [...numbers(150), ...numbers(7)]);
    assert.is(all.at(-1)?.segments.length, 8);
    assert.equal(await batches(dataset, 3), all);
    assert.equal(await batches(dataset, 0, 14), all.slice(14));
    assert.is(await dataset.totalRows(), 157);
  });
});

test('random: every row once an epoch; another order each; the same for any workers', async () => {
  const files = [file('a.jsonl', lines(rows(1300)))];
  const run = (workers: number): Promise<string[][]> =>
    using({ files, sampling: 'random', batchSize: 8, workers }, async (dataset) => [
      documents(await batches(dataset, 0)),
      documents(await batches(dataset, 1)),
      documents(await batches(dataset, 1, 100)),
    ]);
  const [one, three] = [await run(1), await run(3)];
  assert.equal(one, three);
  const [first = [], second = [], later] = one;
  assert.equal([...first].sort(), numbers(1300));
  assert.equal([...second].sort(), numbers(1300));
  assert.not.equal(first, second);
  assert.not.equal(first, numbers(1300));
  assert.equal(later, second.slice(800));
});

for (const packing of ['bfd', 'bfd_split', 'wrapped'] as const) {
  test(`${packing}: no row too long, nothing lost, accounts add up`, async () => {
    const files = [file('a.jsonl', lines(rows(2100)))];
    await using({ files, packing, maxLength: 60, sampling: 'random' }, async (dataset) => {
      const all = await batches(dataset, 0);
      const accounting = await dataset.accounting();
      const tokens = all.reduce((sum, batch) => sum + batch.tokens.length, 0);
      const trained = all.reduce((sum, batch) => sum + batch.trained, 0);
      assert.ok(all.every((batch) => batch.tokens.length <= 60));
      assert.is(
        tokens,
        rows(2100).reduce((sum, { text }) => sum + text.length + 1, 0),
      );
      assert.equal(
        { ...accounting, fill: 0 },
        {
          sources: [{ file: files[0], rows: 2100, weight: 1, used: 2100 }],
          available: 2100,
          read: 2100,
          trained: 2100,
          leftOut: [],
          truncated: 0,
          tokens,
          trainedTokens: trained,
          rows: all.length,
          fill: 0,
        },
      );
      assert.is(accounting.rows, await dataset.totalRows());
      assert.ok(accounting.fill > 0.9 && accounting.fill <= 1, String(accounting.fill));
      if (packing === 'bfd') assert.equal(documents(all).sort(), numbers(2100));
    });
  });
}

test('rows are accounted for by the blocks that are there, before all are', async () => {
  const files = [file('a.jsonl', lines(rows(20_000)))];
  await using({ files }, async (dataset) => {
    for await (const _ of dataset.batches(0)) break;
    const { available, read, trained } = dataset.accountingSoFar();
    assert.is(available, 20_000);
    assert.ok(read >= 100 && read < available, String(read));
    assert.is(read, trained);
    assert.is(dataset.progress.available, 20_000);
    assert.ok(dataset.progress.read >= read);
  });
});

test('group_by_length starts with the longest', async () => {
  const files = [file('a.jsonl', lines(rows(500)))];
  await using({ files, sampling: 'group_by_length', batchSize: 4 }, async (dataset) => {
    const all = await batches(dataset, 0);
    assert.is(all[0]?.segments[1], 44);
    assert.equal(documents(all).sort(), numbers(500));
  });
});

test('rows left out are counted by reason', async () => {
  const rowsOf = [
    { prompt: 'abcdef', completion: 'g' },
    { prompt: 'a', completion: 'bcdef' },
    { prompt: 'a', completion: 'b' },
  ];
  const files = [file('a.jsonl', lines(rowsOf))];
  await using({ files, maxLength: 4 }, async (dataset) => {
    assert.equal(await dataset.accounting(), {
      sources: [{ file: files[0], rows: 3, weight: 1, used: 3 }],
      available: 3,
      read: 3,
      trained: 2,
      leftOut: [
        {
          reason: 'nothing left to train once cut to 4 tokens',
          count: 1,
          examples: [`${files[0]}:1`],
        },
      ],
      truncated: 1,
      tokens: 7,
      trainedTokens: 5,
      rows: 2,
      fill: 1,
    });
  });
});

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

test('a bad row rejects whatever waits, naming the first one', async () => {
  const bad = rows(3000) as unknown[];
  bad[2900] = { text: 5 };
  bad[1700] = { messages: [{ role: 'user', content: 'a' }] };
  const files = [file('a.jsonl', lines(bad))];
  await using({ files, sampling: 'random' }, async (dataset) => {
    const errors = await Promise.all([
      rejection(batches(dataset, 0)),
      rejection(dataset.totalRows()),
      rejection(dataset.accounting()),
    ]);
    for (const { code, message } of errors) {
      assert.is(code, 'data');
      assert.match(
        message,
        /a\.jsonl:1701: this row has messages, the first row of the file has text/,
      );
    }
  });
});

test('errors keep their code on the way from the worker', async () => {
  const files = [file('a.jsonl', lines(rows(3)))];
  await using({ files, vocabularySize: 100 }, async (dataset) => {
    const { code, message } = await rejection(dataset.totalRows());
    assert.is(code, 'tokenizer');
    assert.match(message, /a\.jsonl:\d+: vocabulary mismatch/);
  });
  await using({ files, tokenizerDir: '/no/such' }, async (dataset) => {
    const { code, message } = await rejection(dataset.totalRows());
    assert.is(code, 'tokenizer');
    assert.match(message, /missing tokenizer/);
  });
});

test('open refuses what cannot be', async () => {
  const files = [file('a.jsonl', lines(rows(3)))];
  const open = (changes: Partial<DataOptions>): Promise<AttuneError> =>
    rejection(Dataset.open(options({ tokenizerDir, files, ...changes })));
  assert.is((await open({ files: [] })).code, 'config');
  assert.is((await open({ packing: 'bfd' })).code, 'config');
  assert.is((await open({ maxLength: 1 })).code, 'config');
  assert.match(
    (await open({ files: ['/no/such.jsonl'] })).message,
    /^\/no\/such\.jsonl: no such file/,
  );
});

test('close rejects what waits, and can be called again', async () => {
  const files = [file('a.jsonl', lines(rows(3000)))];
  const dataset = await Dataset.open(options({ tokenizerDir, files }));
  const waiting = rejection(dataset.totalRows());
  await dataset.close();
  await dataset.close();
  assert.is((await waiting).code, 'disposed');
});

test('inspect: rows in file order, by code point, before packing', async () => {
  const chat = [
    { role: 'user', content: '😀' },
    { role: 'assistant', content: '😀b' },
  ];
  const files = [
    file('a.jsonl', `\n${lines([{ messages: chat }])}`),
    file('b.jsonl', lines([{ input_ids: [97, 98, 99], labels: [-100, 98, -100] }])),
  ];
  await using({ files, packing: 'bfd', maxLength: 20, sampling: 'random' }, async (dataset) => {
    const found = [];
    for await (const row of dataset.inspect()) found.push(row);
    assert.is(found.length, 2);
    const [first, second] = found;
    assert.is(first?.text, '<|bos|><|user|>😀<|assistant|>😀b<|eos|>');
    assert.equal(first?.spans, [
      [0, 29, false],
      [29, 38, true],
    ]);
    assert.equal(first?.source, { file: files[0], line: 2 });
    assert.equal(first?.labels.slice(-2), [98, 263]);
    assert.equal(second, {
      index: 1,
      input_ids: [97, 98, 99],
      labels: [-100, 98, -100],
      text: 'abc',
      spans: [
        [0, 1, false],
        [1, 2, true],
        [2, 3, false],
      ],
      truncated: false,
      dropped: null,
      source: { file: files[1], line: 1 },
    });
  });
});

test.run();
