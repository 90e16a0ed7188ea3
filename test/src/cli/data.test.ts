import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { reportText } from '../../../src/cli/data.ts';
import { file } from '../data/files.ts';

const cli = fileURLToPath(new URL('../../../src/cli.ts', import.meta.url));

function attune(words: string[], input = '') {
  const run = ['--import', 'tsx', cli, 'data', ...words];
  return spawnSync(process.execPath, run, { encoding: 'utf8', input });
}

const rows = '{"text":"a"}\n{"text": "b"}\n{"text":"A"}\n';

test('rows of standard input, one document on stdout, rows in a file', () => {
  const output = `${file('x', '')}.jsonl`;
  const { status, stdout, stderr } = attune(['dedupe', '-', '--json', '--output', output], rows);
  assert.is(stderr, '');
  assert.is(status, 0);
  const report = JSON.parse(stdout);
  assert.equal([report.verb, report.read, report.kept, report.written], ['dedupe', 3, 2, [output]]);
  assert.is(report.left[0].reason, 'same but for case and space');
  assert.is(readFileSync(output, 'utf8'), '{"text":"a"}\n{"text": "b"}\n');
});

test('several files to compare with, numbers, and the report as text', () => {
  const path = file('rows.jsonl', rows);
  const against = ['--against', file('a.txt', 'b\n'), '--against', file('b.txt', 'c\n')];
  const { status, stdout } = attune(['dedupe', path, ...against, '--threshold', '0.9']);
  assert.is(status, 0);
  assert.match(stdout, 'rows: read 3 = kept 1 + left out 2\n');
  assert.match(stdout, `    ${path}:2 ~ ${against[1]}:1\n`);
});

const wrong: [string[], RegExp][] = [
  [['dedupe', '/none.jsonl'], /^error: \/none\.jsonl: no such file\n$/],
  [['dedupe', 'a', '--treshold', '1'], /unknown option '--treshold'\n.*--threshold/],
  [['select', 'a', '--rows', 'x'], /option '--rows <n>' argument 'x' is invalid\. Not a number/],
];
for (const [words, message] of wrong) {
  test(`exit code 2: ${message}`, () => {
    const { status, stdout, stderr } = attune(words);
    assert.match(stderr, message);
    assert.equal([status, stdout], [2, '']);
  });
}

test('a report as a person reads it', () => {
  const place = { file: 'a.jsonl', line: 7 };
  const report = {
    verb: 'decontaminate',
    settings: {},
    files: [],
    read: 3,
    kept: 2,
    left: [
      {
        reason: 'too alike',
        count: 1,
        examples: [
          {
            ...place,
            reason: 'too alike',
            of: { file: 'b', line: 2 },
            similarity: 0.5,
            detail: 'x',
          },
        ],
      },
    ],
    notes: ['one'],
    written: ['c.jsonl'],
    seconds: 1,
  };
  assert.is(
    reportText(report),
    'rows: read 3 = kept 2 + left out 1\n  too alike: 1\n' +
      '    a.jsonl:7 ~ b:2 (0.500) "x"\nnote: one\nwrote c.jsonl',
  );
});

test.run();
