import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

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
  [['inspect', '--model', 'm', '--train-file', 'a', '--html'], '--html: expected a file'],
  [
    ['inspect', '--model', 'm', '--train-file', 'a', '--losses', 'out'],
    '--losses: needs --html FILE',
  ],
  [['eval', '--model', 'm'], '--data: is required'],
  [
    ['eval', '--model', 'm', '--data', 'a', '--lora-r', '4'],
    '--lora-r: is a key of train, and none of eval',
  ],
  [
    ['eval', '--model_name_or_path', '/none', '--data', 'a', '--max-seq-length', '8', '--bf16'],
    'model: /none is no directory (a model of the hub is named owner/name)',
  ],
  [
    ['generate', '--model', '/none', '--prompt', 'x'],
    'model: /none is no directory (a model of the hub is named owner/name)',
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

test.run();
