import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ByteReader } from '../../../src/page/bytes.ts';
import { type Columns, type DataPage, FLAGS, splitColumns } from '../../../src/page/model.ts';
import { readRow, rowStarts } from '../../../src/page/row.ts';
import { evalRows, makePage, plainPage, trainRows, workDir } from './data.ts';

interface Read {
  page: DataPage;
  columns: Columns;
  html: string;
}

function read(path: string): Read {
  const html = readFileSync(path, 'utf8');
  const page = JSON.parse(/id="model">(.*?)<\/script>/s.exec(html)?.[1] ?? '') as DataPage;
  const bytes = new Uint8Array(gunzipSync(element(html, 'columns')));
  return { page, columns: splitColumns(bytes, page.rows), html };
}

function element(html: string, id: string): Buffer {
  const text = new RegExp(`id="${id}">([^<]*)<`).exec(html)?.[1];
  return Buffer.from(text ?? '', 'base64');
}

const flagged = ({ columns }: Read, bit: number): number[] =>
  [...columns.flags.keys()].filter((row) => (columns.flags[row] ?? 0) & bit);

// Two pages, for opening data takes threads: one as it comes, and one of another configuration.
const outputDir = join(workDir, 'earlier');
mkdirSync(outputDir);
const speeds = [100, 300, 200].map((speed, i) => ({ step: i + 1, tokens_per_second: speed }));
writeFileSync(
  join(outputDir, 'metrics.jsonl'),
  speeds.map((row) => JSON.stringify(row)).join('\n'),
);
const plain = read(await plainPage());
const other = read(
  await makePage(
    'other.html',
    {
      packing: 'bfd',
      perDeviceTrainBatchSize: 4,
      numTrainEpochs: 2,
      learningRate: 1e-3,
      seed: 42,
      outputDir,
    },
    { rows: 20, measure: null },
  ),
);

test('every row is there, with what became of it', () => {
  const { page, columns, html } = plain;
  assert.is(page.rows, trainRows.length + evalRows.length);
  assert.equal([page.available, page.every], [page.rows, 1]);
  assert.equal(flagged(plain, FLAGS.truncated), [44, 45]);
  assert.equal(flagged(plain, FLAGS.leftOut), [45]);
  const reason = page.reasons[(columns.reason[45] ?? 0) - 1];
  assert.is(reason, 'nothing left to train once cut to 300 tokens');
  assert.ok((columns.whole[44] ?? 0) > 300 && columns.tokens[44] === 300);
  assert.is(page.account.read, trainRows.length);
  assert.is(page.account.trained, trainRows.length - 1);
  const bytes = new Uint8Array(gunzipSync(element(html, 'chunk0')));
  const starts = rowStarts(new ByteReader(bytes));
  const { text, ids, offsets, trained } = readRow(new ByteReader(bytes, starts[3]));
  assert.is(text, '<|bos|><|user|>Question 3?<|assistant|>Answer 3 is 9.<|eos|>');
  assert.is(ids.length, columns.tokens[3]);
  const on = [...trained.keys()].filter((i) => trained[i] === 1);
  const [first = 0, last = 0] = [on[0], on.at(-1)];
  assert.is(text.slice(offsets[2 * first], offsets[2 * last + 1]), 'Answer 3 is 9.<|eos|>');
});

test('copies, near-copies and leakage are found, in groups', () => {
  const { columns } = plain;
  const evaluation = trainRows.length + 1;
  assert.equal(flagged(plain, FLAGS.exact), [40, 41, evaluation]);
  assert.equal(flagged(plain, FLAGS.leak), [40, 41, evaluation]);
  assert.equal(flagged(plain, FLAGS.near), [42, 43]);
  assert.equal([columns.repeats[41], columns.repeats[evaluation]], [41, 41]);
  assert.is(columns.repeats[43], 43);
  const similarity = columns.similarity[43] ?? 0;
  assert.ok(similarity >= 80 && similarity < 100, String(similarity));
});

test('what a run would take: steps, tokens, and a speed that says where it is from', () => {
  assert.is(plain.page.cost.steps, 3 * Math.ceil((trainRows.length - 1) / 8));
  assert.is(plain.page.cost.tokensPerSecond, null);
  const { cost, account } = other.page;
  assert.is(cost.steps, 2 * Math.ceil(account.rows / 4));
  assert.is(cost.tokens, 2 * account.tokens);
  assert.is(cost.tokensPerSecond, 200);
  assert.match(cost.from, /earlier.metrics\.jsonl/);
});

test('ways of packing are compared, and the fill of the chosen one shown', () => {
  const { packing, fills } = other.page;
  assert.equal(
    packing.map(({ name, chosen }) => (chosen ? `${name}!` : name)),
    ['none', 'bfd!', 'bfd_split', 'wrapped'],
  );
  const [none, bfd, split] = packing;
  assert.is(bfd?.tokens, none?.tokens);
  assert.ok((bfd?.rows ?? 0) < (none?.rows ?? 0));
  assert.is(split?.lost, 0);
  assert.is(
    fills.reduce((sum, rows) => sum + rows, 0),
    bfd?.rows,
  );
  assert.equal(plain.page.fills, []);
});

test('more rows than a page takes are sampled evenly, and it says so', () => {
  const { page, columns } = other;
  assert.is(page.every, 3);
  assert.equal([...columns.index.subarray(0, 3)], [0, 3, 6]);
  assert.is(page.account.read, trainRows.length);
});

test('settings that are not at their defaults are listed', () => {
  const names = other.page.settings.map(({ name }) => name);
  assert.ok(names.includes('learning_rate') && names.includes('packing'));
  assert.not.ok(names.includes('seed') || names.includes('eval_steps'));
});

test.run();
