/** A machine that lacks what a build needs, and where nothing can be installed, is told in one line. */
import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT } from './tree.ts';

test('setup says what to install where it may not', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/setup.mjs'], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { PATH: '' },
  });
  assert.is(status, 1);
  const lines = stderr
    .trim()
    .split('\n')
    .filter((line) => !line.includes('GPU library'));
  assert.is(lines.length, 1, stderr);
  assert.match(lines[0]!, /^setup: please install: g\+\+ cmake make\b.*sudo apt-get install g\+\+/);
});

test.run();
