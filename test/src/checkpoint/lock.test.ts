import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { lockDirectory } from '../../../src/checkpoint/lock.ts';
import { rejects, temporary } from './files.ts';

test('one run at a time has a directory', async () => {
  const dir = join(temporary(), 'a', 'b');
  const lock = await lockDirectory(dir);
  await rejects(
    () => lockDirectory(dir),
    'config',
    `output_dir: ${dir} is in use by process ${process.pid}`,
  );
  await lock.release();
  assert.equal(readdirSync(dir), []);
  await (await lockDirectory(dir)).release();
});

test('the lock of a process that has ended is taken over', async () => {
  const dir = temporary();
  const path = join(dir, '.attune.lock');
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  for (const text of [JSON.stringify({ pid, host: hostname() }), '', '{"pid":-1}']) {
    writeFileSync(path, text);
    const lock = await lockDirectory(dir);
    assert.is(JSON.parse(readFileSync(path, 'utf8')).pid, process.pid);
    await lock.release();
    assert.not(existsSync(path));
  }
});

test('a lock of another machine holds', async () => {
  const dir = temporary();
  writeFileSync(join(dir, '.attune.lock'), JSON.stringify({ pid: 1, host: 'elsewhere' }));
  await rejects(() => lockDirectory(dir), 'config', 'process 1 on elsewhere', 'remove');
});

test('a path that is a file cannot be locked', async () => {
  const path = join(temporary(), 'file');
  writeFileSync(path, '');
  await rejects(() => lockDirectory(path), 'device', 'cannot be written');
});

test.run();
