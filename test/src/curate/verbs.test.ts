/** The verbs on files: what stays is written as it was read, and what leaves is accounted for. */
import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { CurateReport } from '../../../src/curate/curate.ts';
import * as data from '../../../src/curate/index.ts';
import { file, rejection } from '../data/files.ts';
import { checkAccount, directory, jsonl, lines, output } from './rows.ts';

const counts = ({ left }: CurateReport) =>
  Object.fromEntries(left.map(({ reason, count }) => [reason, count]));

test('rows that stay keep their bytes: spelling of numbers, escapes, spaces, order of keys', async () => {
  const rows = [
    '{"text": "caf\\u00e9", "n":1.0}',
    '{ "n" : 1e2 ,"text":"b"}',
    '{"text":"d\\/e","z":null,"a":12345678901234567890}',
  ];
  const path = file('rows.jsonl', `${rows[0]}\r\n\n${rows[1]}\n${rows[0]}\n${rows[2]}`);
  const to = output();
  const report = await data.dedupe({ files: [path], output: to });
  assert.equal(lines(to), rows);
  assert.equal(report.left, [
    {
      reason: 'exact duplicate',
      count: 1,
      examples: [
        {
          file: path,
          line: 4,
          reason: 'exact duplicate',
          of: { file: path, line: 1 },
          similarity: 1,
        },
      ],
    },
  ]);
  checkAccount(report, to);
});

test('an array that is printed over lines becomes rows of one line, spelled the same', async () => {
  const path = file(
    'rows.json',
    '[\n  {\n    "text": "a  b\\n",\n\t"n": 1.50\n  },\n  {"text":"c"}\n]\n',
  );
  const to = output();
  await data.dedupe({ files: [path], output: to });
  assert.equal(lines(to), ['{ "text": "a  b\\n", "n": 1.50 }', '{"text":"c"}']);
});

test('files of every kind', async () => {
  const rows = '{"text":"one"}\n{"text":"two"}\n';
  const given: [string, string | Uint8Array][] = [
    ['a.jsonl', rows],
    ['a.jsonl.gz', gzipSync(rows)],
    ['a.json', `[${rows.trim().replace('\n', ',')}]`],
    ['a.csv', 'text\none\ntwo\n'],
    ['a.txt', 'one\r\ntwo\n'],
  ];
  for (const [name, content] of given) {
    const to = output();
    const report = await data.dedupe({ files: [file(name, content)], output: to });
    assert.equal(lines(to), rows.trim().split('\n'), name);
    checkAccount(report, to);
  }
});

test('several files and directories are one list', async () => {
  const [a, b] = [jsonl({ text: 'a' }, { text: 'b' }), jsonl({ text: 'b' }, { text: 'c' })];
  const to = output();
  const report = await data.dedupe({ files: [dirname(a), b], output: to });
  assert.equal(lines(to), ['{"text":"a"}', '{"text":"b"}', '{"text":"c"}']);
  assert.equal(report.files, [
    { file: a, rows: 2 },
    { file: b, rows: 2 },
  ]);
  assert.equal(report.left[0]!.examples[0]!.of, { file: a, line: 2 });
});

test('what is looked at: all, prompt, completion, a column', async () => {
  const path = jsonl(
    { prompt: 'p', completion: 'one', id: { n: 1 } },
    { prompt: 'p', completion: 'two', id: { n: 1 } },
    { prompt: 'q', completion: 'two', id: { n: 2 } },
  );
  const kept = async (by: string) => (await data.dedupe({ files: [path], by })).kept;
  assert.is(await kept('all'), 3);
  assert.is(await kept('prompt'), 2);
  assert.is(await kept('completion'), 2);
  assert.is(await kept('id.n'), 2);
  assert.is(await kept('column:prompt'), 2);
});

test('the parts of every shape', async () => {
  const shapes: [unknown, unknown][] = [
    [
      {
        messages: [
          { role: 'user', content: 'p' },
          { role: 'assistant', content: 'one' },
        ],
      },
      {
        messages: [
          { role: 'user', content: 'p' },
          { role: 'assistant', content: 'two' },
        ],
      },
    ],
    [
      {
        conversations: [
          { from: 'human', value: 'p' },
          { from: 'gpt', value: 'one' },
        ],
      },
      {
        conversations: [
          { from: 'human', value: 'p' },
          { from: 'gpt', value: 'two' },
        ],
      },
    ],
    [
      { instruction: 'p', input: 'i', output: 'one' },
      { instruction: 'p', input: 'i', output: 'two' },
    ],
    [
      { question: 'p', answer: 'one' },
      { question: 'p', answer: 'two' },
    ],
    [
      {
        prompt: [{ role: 'user', content: 'p' }],
        completion: [{ role: 'assistant', content: '1' }],
      },
      {
        prompt: [{ role: 'user', content: 'p' }],
        completion: [{ role: 'assistant', content: '2' }],
      },
    ],
  ];
  for (const pair of shapes) {
    const files = [jsonl(...pair)];
    assert.is((await data.dedupe({ files })).kept, 2);
    assert.is((await data.dedupe({ files, by: 'prompt' })).kept, 1);
    assert.is((await data.dedupe({ files, by: 'completion' })).kept, 2);
  }
});

test('errors name the file and line', async () => {
  const bad = file('bad.jsonl', '{"text":"a"}\n{"text":1}\n');
  assert.is(
    await rejection('data', data.dedupe({ files: [bad] })),
    `${bad}:2: "text" must be a string`,
  );
  const mixed = file('mixed.jsonl', '{"text":"a"}\n{"question":"q","answer":"a"}\n');
  assert.match(
    await rejection('data', data.dedupe({ files: [mixed] })),
    `${mixed}:2: this row has`,
  );
  const text = jsonl({ text: 'a' });
  assert.match(
    await rejection('data', data.dedupe({ files: [text], by: 'prompt' })),
    `${text}:1: a row of text has no prompt`,
  );
  assert.match(
    await rejection('data', data.dedupe({ files: [text], by: 'b' })),
    `${text}:1: no column "b"; this row has text`,
  );
  assert.match(
    await rejection('config', data.dedupe({ files: [`${text}:0.5`] })),
    'weights are for training',
  );
  assert.match(await rejection('config', data.dedupe({ files: [] })), 'no files');
});

test('nothing is written where a row is bad, and an older file stays', async () => {
  const to = output();
  writeFileSync(to, 'older\n');
  const bad = file('bad.jsonl', '{"text":"a"}\n{"text":}\n');
  await rejection('data', data.dedupe({ files: [bad], output: to }));
  assert.is(readFileSync(to, 'utf8'), 'older\n');
  assert.equal(
    readdirSync(directory).filter((name) => name.includes('tmp')),
    [],
  );
});

test('what is read is never written over: by its name, a link, or the directory it is in', async () => {
  const path = jsonl({ text: 'a' });
  const [soft, hard] = [join(dirname(path), 'soft.jsonl'), join(dirname(path), 'hard.jsonl')];
  symlinkSync(path, soft);
  linkSync(path, hard);
  for (const to of [path, join(dirname(path), '.', 'rows.jsonl'), soft, hard]) {
    for (const files of [[path], [dirname(path)]]) {
      assert.match(await rejection('config', data.dedupe({ files, output: to })), 'already');
      assert.match(await rejection('config', data.dedupe({ files, report: to })), 'already');
    }
  }
  const to = output();
  const twice = data.dedupe({ files: [path], output: to, report: to });
  assert.match(await rejection('config', twice), 'already');
  const eval_ = data.split({ files: [path], evalRows: 1, output: to, evalOutput: to });
  assert.match(await rejection('config', eval_), 'already');
  assert.match(
    await rejection('config', data.dedupe({ files: [path], output: 'rows.csv' })),
    'name it .jsonl',
  );
  assert.is(readFileSync(path, 'utf8'), '{"text":"a"}\n');
});

test('the report has every row that was left out', async () => {
  const path = jsonl(...Array.from({ length: 20 }, (_, i) => ({ text: `${i % 4}` })));
  const report = join(directory, 'report.json');
  await data.dedupe({ files: [path], report });
  const { rows, ...rest } = JSON.parse(readFileSync(report, 'utf8'));
  assert.is(rows.length, 16);
  assert.equal(rows[15], {
    file: path,
    line: 20,
    reason: 'exact duplicate',
    of: { file: path, line: 4 },
    similarity: 1,
  });
  assert.is(rest.left[0].count, 16);
  assert.is(rest.left[0].examples.length, 5);
  assert.equal(rest.written, [report]);
});

test('an interrupt stops before anything is written', async () => {
  const controller = new AbortController();
  controller.abort();
  const to = output();
  const signal = controller.signal;
  await rejection('aborted', data.dedupe({ files: [jsonl({ text: 'a' })], output: to, signal }));
  assert.not(existsSync(to));
});

test('rows to compare with come first and are not written', async () => {
  const [seeds, path] = [jsonl({ text: 'a' }, { text: 'a' }), jsonl({ text: 'b' }, { text: 'A' })];
  const to = output();
  const report = await data.dedupe({ files: [path], against: [seeds], output: to });
  assert.equal(lines(to), ['{"text":"b"}']);
  assert.equal([report.read, report.kept], [2, 1]);
  assert.equal(report.left[0]!.examples[0]!.of, { file: seeds, line: 1 });
});

test('options out of range, and filters that are none', async () => {
  const files = [jsonl({ text: 'a' })];
  const wrong: [() => Promise<unknown>, RegExp][] = [
    [
      () => data.dedupe({ files, threshold: 0 }),
      /threshold: expected a number above 0 and at most 1/,
    ],
    [() => data.dedupe({ files, method: 'rouge-l', threshold: 1 }), /at least 0 and below 1/],
    [() => data.dedupe({ files, permutations: 1.5 }), /permutations: expected a whole number/],
    [
      () => data.dedupe({ files, method: 'fuzzy' as 'exact' }),
      /method: expected minhash, rouge-l, exact/,
    ],
    [() => data.select({ files, rows: 2 }), /2 are asked for, and there are 1/],
    [() => data.filter({ files }), /name a filter/],
    [() => data.filter({ files, minWords: 3, maxWords: 2 }), /max_words: expected .* at least 3/],
    [() => data.filter({ files, maxTokens: 3 }), /tokenizer: name its directory/],
    [() => data.filter({ files, languages: ['xx'] }), /languages: xx is not known; known are /],
    [() => data.decontaminate({ files, against: [] }), /against: name the files/],
  ];
  for (const [run, message] of wrong) assert.match(await rejection('config', run()), message);
});

test('filters: each bound is inclusive, in characters and words', async () => {
  const files = [jsonl({ text: '😀b' }, { text: 'one two' }, { text: 'one two three' })];
  assert.equal(counts(await data.filter({ files, minChars: 2, maxChars: 7 })), {
    'more than 7 characters': 1,
  });
  assert.equal(counts(await data.filter({ files, minChars: 3 })), { 'fewer than 3 characters': 1 });
  assert.equal(counts(await data.filter({ files, minWords: 2, maxWords: 2 })), {
    'fewer than 2 words': 1,
    'more than 2 words': 1,
  });
});

test.run();
