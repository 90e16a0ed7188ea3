/** on_bad_row: skip. Bad rows are left out, counted and told, whatever reads them. */
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Dataset } from '../../../src/batch/dataset.ts';
import type { Accounting, BadRow, DataOptions, InspectedRow } from '../../../src/data/options.ts';
import { file } from '../data/files.ts';
import { options } from '../worker/options.ts';
import { batches, documents, lines, rejection, rows, tokenizerDir } from './run.ts';

interface Found {
  documents: string[];
  accounting: Accounting;
  bad: BadRow[];
}

const windows = { chunkBytes: 700, windowBytes: 3500 };

/** Two epochs over files whose bad rows are left out. */
async function skipping(changes: Partial<DataOptions>): Promise<Found> {
  const told: Promise<BadRow[]>[] = [];
  const dataset = await Dataset.open(options({ tokenizerDir, onBadRow: 'skip', ...changes }), {
    windows,
    quarantine: (some) => void told.push(some),
  });
  try {
    const [first, second] = [await batches(dataset, 0), await batches(dataset, 1)];
    assert.equal(documents(first).sort(), documents(second).sort());
    const accounting = changes.streaming ? dataset.accountingSoFar() : await dataset.accounting();
    const bad = new Map((await Promise.all(told)).flat().map((row) => [`${row.line}`, row]));
    return { documents: documents(first), accounting, bad: [...bad.values()] };
  } finally {
    await dataset.close();
  }
}

/** Checks that read = trained + left out + quarantined, and that the bad rows are those of `expected`. */
function checkAccount({ accounting, bad }: Found, expected: number[]): void {
  const { read, trained, leftOut, quarantined } = accounting;
  const out = leftOut.reduce((sum, { count }) => sum + count, 0);
  assert.is(read - trained - out - quarantined.count, 0);
  assert.is(quarantined.count, expected.length);
  const found = bad.map(({ line }) => line).sort((a, b) => a - b);
  assert.equal(found, expected);
}

/** 400 rows of text, and what stands at some lines instead, from 1. */
const damage = new Map<number, string>([
  [1, '{"text":"0000'],
  [7, '{"text":5}'],
  [8, '{"txt":"0007"}'],
  [100, '{"text":"0099\xff"}'],
  [101, '{"messages":[{"role":"wizard","content":"a"}]}'],
  [250, '{"text":"0249","text":"b"}'],
  [399, '[1,2]'],
  [400, 'null'],
]);
const damagedLines = [...damage.keys()];

function damaged(): Buffer {
  const text = rows(400).map((row, i) => damage.get(i + 1) ?? JSON.stringify(row));
  return Buffer.from(`${text.join('\n')}\n`, 'latin1');
}

test('bad rows are left out and told in the order of the files, the same for any threads', async () => {
  const files = [file('a.jsonl', damaged())];
  const whole = await skipping({ files });
  checkAccount(whole, damagedLines);
  assert.equal(
    whole.bad.map(({ line }) => line),
    damagedLines,
  );
  assert.equal(whole.bad[4], {
    file: files[0],
    line: 101,
    reason:
      '"messages[0].role" is "wizard"; known are system, developer, user, assistant, tool, function, ipython, observation',
    raw: damage.get(101),
  });
  assert.equal(whole.bad[3]?.raw, '{"text":"0099\ufffd"}');
  assert.equal(whole.accounting.quarantined.examples.length, 5);
  assert.match(whole.accounting.quarantined.examples[0]!, /a\.jsonl:1: not valid JSON/);
  const good = rows(400).filter((_, i) => !damage.has(i + 1));
  assert.equal(
    whole.documents,
    good.map(({ text }) => text.slice(0, 4)),
  );
  const random = { files, packing: 'bfd', maxLength: 60, sampling: 'random' } as const;
  const one = await skipping({ ...random, workers: 1 });
  checkAccount(one, damagedLines);
  assert.equal(await skipping({ ...random, workers: 3 }), one);
  const part = await skipping({ ...random, workers: 2, readAll: false });
  assert.equal(part.documents, one.documents);
  checkAccount(part, damagedLines);
});

test('what the cache has of them is the same', async () => {
  const files = [file('a.jsonl', damaged())];
  const first = await skipping({ files, cache: true, sampling: 'random' });
  checkAccount(first, damagedLines);
  assert.equal(await skipping({ files, cache: true, sampling: 'random' }), first);
  const open = Dataset.open(options({ tokenizerDir, files, cache: true }));
  assert.match((await rejection(open)).message, /a\.jsonl:1: not valid JSON/);
});

test('streams count the lines of those alone', async () => {
  const files = [file('a.jsonl', damaged())];
  const found = await skipping({ files, streaming: true, sampling: 'random' });
  checkAccount(found, damagedLines);
  assert.equal(found.documents.length, 392);
});

test('every kind of file', async () => {
  const csv = 'prompt,completion\na,b\nc\nd,e,f\n"g",h\ni,j"k"l"m\n\xff,n\n"o\n",p\nq"r,s\nt,u\n';
  const json = '[{"text":"abcd"},\n{"text":},\n{"text":\n"ab\xffc"},{"text":"efgh"}]';
  const text = 'abcd\n\n\xff\xfe\nefgh\nij\0kl\n';
  const cases: [string, Buffer, number[], number][] = [
    ['a.csv', Buffer.from(csv, 'latin1'), [3, 4, 6, 7, 10], 4],
    ['a.json.gz', gzipSync(Buffer.from(json, 'latin1')), [2, 4], 2],
    ['a.txt', Buffer.from(text, 'latin1'), [3, 5], 2],
  ];
  for (const [name, content, bad, good] of cases) {
    const files = [file(name, content)];
    const found = await skipping({ files, streaming: name === 'a.json.gz' });
    checkAccount(found, bad);
    assert.is(found.accounting.trained, good, name);
  }
});

test('parquet: text that is none is refused, the rows around it are not', async () => {
  const columnData = [
    { name: 'text', data: ['abcd', 'spoiled!', 'efgh'], type: 'STRING' as const },
  ];
  const bytes = Buffer.from(parquetWriteBuffer({ columnData, codec: 'UNCOMPRESSED' }));
  for (let at = bytes.indexOf('spoiled!'); at >= 0; at = bytes.indexOf('spoiled!', at)) {
    bytes[at] = 0xff;
  }
  const found = await skipping({ files: [file('a.parquet', bytes)] });
  checkAccount(found, [2]);
  assert.equal(found.bad[0]?.reason, 'column "text": not valid UTF-8');
  assert.equal(found.documents, ['abcd', 'efgh']);
});

test('the shape of a file is that of most of its first good rows', async () => {
  const mixed = [{ prompt: 'a', completion: 'b' }, ...rows(20), { question: 'a', answer: 'b' }];
  const files = [file('a.jsonl', lines(mixed))];
  for (const streaming of [false, true])
    checkAccount(await skipping({ files, streaming }), [1, 22]);
});

test('what is wrong with a file as a whole stays an error', async () => {
  const refused = async (name: string, content: string): Promise<string> => {
    const files = [file(name, content)];
    const { message } = await rejection(skipping({ files }));
    return message.replace(`${files[0]}`, name);
  };
  assert.match(await refused('a.csv', 'a,b\n"c\nd,e\n'), /^a\.csv:2: a quoted field is not closed/);
  assert.match(await refused('a.csv', 'text\n"a"b\nc\n'), /^a\.csv:2: text behind the closing/);
  assert.match(await refused('a.csv', 'te"xt,b\nc,d\n'), /^a\.csv:1: a quote inside a field/);
  assert.match(await refused('a.json', '[{"text":"a"},,]'), /^a\.json:1: a row is missing/);
  assert.match(
    await refused('a.jsonl', '{}\n{"b":1}\n'),
    /^a\.jsonl: no row of it is good; the first/,
  );
  assert.match(await refused('a.jsonl', ''), /^a\.jsonl: empty file/);
  const untrained = lines([{ input_ids: [1, 2], labels: [-100, -100] }]);
  assert.match(
    await refused('a.jsonl', untrained),
    /^no row is good of 1; the first error: .*a\.jsonl:1: nothing/,
  );
});

test('a row is in quarantine as often as an epoch would use it', async () => {
  const path = file('a.jsonl', lines([{ text: 'abcd' }, { text: 5 }, { text: 'efgh' }]));
  const found = await skipping({ files: [{ path, weight: 2 }] });
  assert.is(found.accounting.read, 6);
  assert.is(found.accounting.quarantined.count, 2);
  assert.equal(
    found.bad.map(({ line }) => line),
    [2],
  );
});

test('inspect shows them as left out', async () => {
  const files = [file('a.jsonl', damaged())];
  const dataset = await Dataset.open(options({ tokenizerDir, files, onBadRow: 'skip' }), {
    encode: false,
  });
  const shown: InspectedRow[] = [];
  for await (const row of dataset.inspect()) shown.push(row);
  await dataset.close();
  assert.is(shown.length, 400);
  const bad = shown.filter(({ dropped }) => dropped !== null);
  assert.equal(
    bad.map(({ source }) => source.line),
    damagedLines,
  );
  assert.equal(bad[1], {
    index: 6,
    input_ids: [],
    labels: [],
    text: '',
    spans: [],
    truncated: false,
    dropped: 'bad row: "text" must be a string',
    source: { file: files[0], line: 7 },
  });
});

test.run();
