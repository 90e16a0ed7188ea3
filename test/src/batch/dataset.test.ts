import { setTimeout } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Dataset } from '../../../src/batch/dataset.ts';
import type { DataOptions } from '../../../src/data/options.ts';
import type { AttuneError } from '../../../src/errors.ts';
import { file } from '../data/files.ts';
import { options } from '../worker/options.ts';
import { batches, documents, lines, numbers, rejection, rows, tokenizerDir, using } from './run.ts';

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
          quarantined: { count: 0, examples: [] },
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
    assert.ok(read >= 100 && read < 20_000, String(read));
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
      quarantined: { count: 0, examples: [] },
      truncated: 1,
      tokens: 7,
      trainedTokens: 5,
      rows: 2,
      fill: 1,
    });
  });
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
      assert.match(message, /a\.jsonl:1701: this row has messages, rows of its file have text/);
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

test('threads that are ended in the middle of native code take nobody with them', async () => {
  const files = [file('a.jsonl', lines(rows(5000)))];
  for (const after of [0, 1, 250]) {
    const dataset = await Dataset.open(options({ tokenizerDir, files, workers: 3 }));
    const waiting = rejection(dataset.totalRows());
    await setTimeout(after);
    while (after > 1 && dataset.progress.read === 0) await setTimeout(1);
    await dataset.close();
    assert.is((await waiting).code, 'disposed');
  }
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
