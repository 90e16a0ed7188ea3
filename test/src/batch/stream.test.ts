/** Files read window by window: what is in a window, in which order, and what is said of its rows. */
import { gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Dataset } from '../../../src/batch/dataset.ts';
import { usedOfPart } from '../../../src/batch/mixture.ts';
import { Records } from '../../../src/batch/records.ts';
import { cutChunks, indexChunk } from '../../../src/data/chunks.ts';
import { LineCounter } from '../../../src/data/linecounter.ts';
import type { DataOptions } from '../../../src/data/options.ts';
import { locateSource, openSource } from '../../../src/data/source.ts';
import { Spool } from '../../../src/data/spool.ts';
import { TaskFault } from '../../../src/worker/fault.ts';
import { file } from '../data/files.ts';
import { random } from '../pack/random.ts';
import { options } from '../worker/options.ts';
import { batches, documents, lines, numbers, rejection, rows, tokenizerDir } from './run.ts';

const windows = { chunkBytes: 700, windowBytes: 3500 };

async function streaming<T>(
  changes: Partial<DataOptions>,
  run: (dataset: Dataset) => Promise<T>,
): Promise<T> {
  const given = options({ tokenizerDir, streaming: true, readAll: false, ...changes });
  const dataset = await Dataset.open(given, { windows });
  try {
    return await run(dataset);
  } finally {
    await dataset.close();
  }
}

test('however a file is cut, its chunks hold its rows, each once and whole', async () => {
  const next = random(5);
  const spool = new Spool();
  for (let trial = 0; trial < 40; trial++) {
    const ending = trial % 2 ? '\r\n' : '\n';
    const texts = Array.from({ length: 1 + next(60) }, (_, i) => {
      const blank = ' '.repeat(next(3)) + ending;
      const row = JSON.stringify({ text: `${i}`.repeat(1 + next(trial % 3 ? 9 : 90)) });
      return next(4) === 0 ? `${blank}${row}` : row;
    });
    const content = `${trial % 5 ? '' : '\ufeff'}${texts.join(ending)}${trial % 7 ? ending : ''}`;
    for (const name of ['a.jsonl', 'a.json', 'a.json.gz']) {
      const array = `[${texts.map((row) => row.trim()).join(`,${ending}`)}]`;
      const bytes = name.endsWith('.gz') ? gzipSync(array) : name === 'a.json' ? array : content;
      const given = { path: file(name, bytes), weight: 1 };
      const whole = await openSource(given, spool);
      const source = await locateSource(given, spool);
      const counter = new LineCounter(source);
      const found = [];
      for (const chunk of cutChunks([source], 1 + next(300))) {
        const { rows: part, linesBefore } = await indexChunk(source, chunk);
        for (let i = 0; i < part.length; i++) {
          const { start, end, line } = part.at(i);
          const before = linesBefore ?? (await counter.before(start));
          found.push({ start, end, line: linesBefore === null ? before + 1 : before + line });
        }
      }
      const expected = Array.from({ length: whole.rows.length }, (_, i) => whole.rows.at(i));
      assert.equal(found, expected, `${name}, trial ${trial}`);
    }
  }
  spool.close();
});

test('random: every row once an epoch, another order each, the same for any workers', async () => {
  const files = [file('a.jsonl', lines(rows(900))), file('b.json', JSON.stringify(rows(50)))];
  const expected = [...numbers(900), ...numbers(50)].sort();
  const run = (workers: number) =>
    streaming({ files, sampling: 'random', batchSize: 8, workers }, async (dataset) => {
      const early = documents(await batches(dataset, 1, 60));
      const [first, second] = [await batches(dataset, 0), await batches(dataset, 1)];
      const { fill, ...accounting } = dataset.accountingSoFar();
      assert.equal([accounting.available, accounting.read, accounting.trained], [950, 950, 950]);
      assert.equal(
        accounting.sources.map(({ rows: count, used }) => [count, used]),
        [
          [900, 900],
          [50, 50],
        ],
      );
      assert.ok(fill > 0);
      return {
        early,
        first: documents(first),
        second: documents(second),
        last: await batches(dataset, 1, 100),
      };
    });
  const [one, two, four] = [await run(1), await run(2), await run(4)];
  assert.equal(two, one);
  assert.equal(four, one);
  assert.equal([...one.first].sort(), expected);
  assert.equal([...one.second].sort(), expected);
  assert.not.equal(one.first, one.second);
  assert.equal(one.early, one.second.slice(480), 'windows that nobody has seen are passed over');
  assert.equal(documents(one.last), one.second.slice(800), 'and those whose rows are known');
  // Rows of a window come from all over the files.
  const places = one.first.slice(0, 60).map(Number);
  assert.ok(Math.max(...places) - Math.min(...places) > 400, String(places));
});

test('sequential: file order in every epoch; packing, too, loses nothing', async () => {
  const files = [file('a.jsonl', lines(rows(700)))];
  await streaming({ files, batchSize: 10 }, async (dataset) => {
    assert.equal(documents(await batches(dataset, 0)), numbers(700));
    assert.equal(documents(await batches(dataset, 2)), numbers(700));
  });
  for (const packedTogether of [100, null]) {
    const given = { files, packing: 'bfd', maxLength: 60, packedTogether, batchSize: 3 } as const;
    await streaming({ ...given, sampling: 'random' }, async (dataset) => {
      const all = await batches(dataset, 0);
      assert.equal(documents(all).sort(), numbers(700));
      assert.ok(all.every(({ tokens }) => tokens.length <= 180));
      assert.is(all.at(-1)!.segments.length > 1, true);
    });
  }
});

test('a bad row is named with its line, a row left out by its byte', async () => {
  const texts = rows(800).map((row) => JSON.stringify(row));
  texts[613] = '\n{"text": 7}';
  const files = [file('a.jsonl', texts.join('\n'))];
  for (const workers of [1, 3]) {
    await streaming({ files, sampling: 'random', workers }, async (dataset) => {
      const { message } = await rejection(batches(dataset, 0));
      assert.ok(message.startsWith(`${files[0]}:615: `), message);
    });
  }
  const pair = (prompt: string) => JSON.stringify({ prompt, completion: 'abc' });
  const some = Array.from({ length: 100 }, (_, i) => pair(i % 50 === 49 ? 'x'.repeat(40) : 'x'));
  const other = [file('b.jsonl', some.join('\n'))];
  await streaming({ files: other, maxLength: 20, sampling: 'random' }, async (dataset) => {
    await batches(dataset, 0);
    const { read, trained, leftOut } = dataset.accountingSoFar();
    assert.equal([read, trained, leftOut[0]?.count], [100, 98, 2]);
    const byte = 49 * (some[0]!.length + 1);
    assert.ok(
      leftOut[0]?.examples.includes(`${other[0]} (byte ${byte})`),
      leftOut[0]?.examples.join(),
    );
  });
});

test('what goes wrong far into a stream is named by its line', async () => {
  // The first row lies beyond the first chunk.
  const late = [file('late.jsonl', `${'\n'.repeat(2000)}{"text": 7}\n`)];
  const opened = rejection(streaming({ files: late }, async () => {}));
  assert.ok((await opened).message.startsWith(`${late[0]}:2001: `));
  const died = file('died.jsonl', lines(rows(80)));
  const spool = new Spool();
  const source = await locateSource({ path: died, weight: 1 }, spool);
  const counter = new LineCounter(source);
  const part = await indexChunk(source, cutChunks([source], 1000)[1]!);
  const records = new Records(
    [part],
    ['text'],
    null,
    (row) => row,
    (_, end) => counter.before(end),
  );
  const task = records.task(Uint32Array.of(3, 5));
  const { message } = await records.explain(new TaskFault(task, 'gone'), async () => {});
  const first = 1 + (await counter.before(part.rows.at(3).start));
  assert.is(message, `${died}:${first} to ${died}:${first + 2}: gone`);
  assert.ok(first > 20, message);
  spool.close();
});

test('a stream that is left early says how far it came, and closes', async () => {
  const files = [file('a.jsonl', lines(rows(3000)))];
  await streaming({ files, sampling: 'random' }, async (dataset) => {
    for await (const _ of dataset.batches(0)) break;
    const { available, read } = dataset.accountingSoFar();
    assert.is(available, null);
    assert.ok(read > 0 && read < 1000, String(read));
    assert.match((await rejection(dataset.accounting())).message, /needs max_steps/);
    const waiting = rejection(batches(dataset, 0));
    await dataset.close();
    assert.is((await waiting).code, 'disposed');
  });
});

test('parts of a file are used by weight in the mean', () => {
  for (const weight of [0.01, 0.5, 2.3]) {
    let used = 0;
    for (let key = 0; key < 4000; key++) used += usedOfPart(7, weight, 42, key);
    assert.ok(Math.abs(used / (7 * 4000 * weight) - 1) < 0.2, `${weight}: ${used}`);
  }
  assert.is(usedOfPart(7, 1, 42, 3), 7);
});

test.run();
