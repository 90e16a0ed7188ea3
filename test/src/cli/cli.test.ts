import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { rowText } from '../../../src/cli/inspect.ts';
import type { InspectedRow } from '../../../src/data/options.ts';

const cli = fileURLToPath(new URL('../../../src/cli.ts', import.meta.url));

function attune(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  const run = ['--import', 'tsx', cli, ...words];
  return spawnSync(process.execPath, run, { encoding: 'utf8' });
}

test('--help lists the verbs, and train --help the keys', () => {
  const { status, stdout } = attune('--help');
  assert.is(status, 0);
  for (const verb of 'train inspect eval generate merge info bench'.split(' ')) {
    assert.match(stdout, new RegExp(`\\n  ${verb} `));
  }
  const help = attune('train', '--help');
  assert.is(help.status, 0);
  assert.match(help.stdout, /--learning-rate .*Peak learning rate/);
  assert.match(attune('inspect', '--help').stdout, /--rows N/);
});

test('--version', () => {
  assert.match(attune('--version').stdout, /^\d+\.\d+\.\d+\n$/);
});

const yaml = join(mkdtempSync(join(tmpdir(), 'attune-')), 'run.yaml');
writeFileSync(yaml, 'model: /none\ntrain_file: a.jsonl\nlearning_rte: 1\n');
const wrong: [string[], string][] = [
  [
    ['train', '--config', yaml],
    `${yaml}:3: learning_rte: unknown key; did you mean learning_rate?`,
  ],
  [['train', '--config', '/none.yaml'], '/none.yaml: no such file'],
  [['train', '--model', '/none'], 'train_file: is required'],
  [
    ['inspect', '--model', 'm', '--train-file', 'a', '--html', 'x'],
    '--html: pages are not built yet; use --json',
  ],
  [['eval', '--model', 'm'], '--data: is required'],
  [
    ['eval', '--model', 'm', '--data', 'a', '--lora-r', '4'],
    '--lora-r: is a key of train, and none of eval',
  ],
  [
    ['eval', '--model_name_or_path', '/none', '--data', 'a', '--max-seq-length', '8', '--bf16'],
    'model: /none is no directory; models are read from a local directory, downloads from the hub are not built yet',
  ],
  [
    ['generate', '--model', '/none', '--prompt', 'x'],
    'model: /none is no directory; models are read from a local directory, downloads from the hub are not built yet',
  ],
  [['nonsense'], "unknown command 'nonsense'"],
];
for (const [words, message] of wrong) {
  test(`exit code 2 and one line: ${message}`, () => {
    const { status, stdout, stderr } = attune(...words);
    assert.is(stderr, `error: ${message}\n`);
    assert.is(stdout, '');
    assert.is(status, 2);
  });
}

const row: InspectedRow = {
  index: 3,
  input_ids: [1, 2, 3, 4],
  labels: [-100, 2, 3, 4],
  text: 'a😀bcd',
  spans: [
    [0, 2, false],
    [2, 5, true],
  ],
  truncated: true,
  dropped: null,
  source: { file: 'x.jsonl', line: 7 },
};

test('inspect marks trained text and where its tokens end', () => {
  assert.is(
    rowText(row, [1, 3, 4, 6], false),
    'row 3  x.jsonl:7  4 tokens, 3 trained  truncated\na😀«b|cd»\n',
  );
});

test('inspect colours trained tokens green in two shades', () => {
  const text = rowText(row, [1, 3, 4, 6], true);
  assert.ok(text.includes('\x1b[92mb\x1b[0m\x1b[32mcd\x1b[0m'));
  assert.ok(text.includes('\x1b[37ma\x1b[0m\x1b[90m😀\x1b[0m'));
});

test.run();
