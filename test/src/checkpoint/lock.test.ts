import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { lockDirectory } from '../../../src/checkpoint/lock.ts';
import { threadFile } from '../../../src/data/thread.ts';
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

test('a process that has ended has no lock, though its parent has not asked after it', async () => {
  const dir = temporary();
  const path = join(dir, '.attune.lock');
  // The shell becomes another program, which does not know of its child.
  const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60'], { stdio: 'pipe' });
  try {
    const [text] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(text);
    const fields = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    const holder = { pid, host: hostname(), started: fields()[19] };
    writeFileSync(path, JSON.stringify(holder));
    await rejects(() => lockDirectory(dir), 'config', `in use by process ${pid}`);
    while (fields()[0] !== 'Z') await sleep(20);
    await (await lockDirectory(dir)).release();
  } finally {
    parent.kill();
  }
});

test('who was taken over leaves the lock of the next one alone', async () => {
  const dir = temporary();
  const path = join(dir, '.attune.lock');
  const lock = await lockDirectory(dir);
  writeFileSync(path, JSON.stringify({ pid: 1, host: 'elsewhere' }));
  await lock.release();
  assert.ok(existsSync(path));
});

test('another process with the number of one that has ended has no lock', async () => {
  const dir = temporary();
  const path = join(dir, '.attune.lock');
  const holder = { pid: process.pid, host: hostname(), started: '1' };
  writeFileSync(path, JSON.stringify(holder));
  await (await lockDirectory(dir)).release();
});

test('a lock goes with the thread that has it, not with its process', async () => {
  const dir = temporary();
  const { filename, execArgv } = threadFile(import.meta.url, 'lock.thread');
  const worker = new Worker(new URL(filename), { execArgv: execArgv ?? [], workerData: dir });
  await once(worker, 'message');
  await rejects(() => lockDirectory(dir), 'config', `in use by process ${process.pid}`);
  await worker.terminate();
  await (await lockDirectory(dir)).release();
});

test('a lock of another machine holds as long as it is touched', async () => {
  const dir = temporary();
  const path = join(dir, '.attune.lock');
  writeFileSync(path, JSON.stringify({ pid: 1, host: 'elsewhere' }));
  const pulse = { beat: 20, silence: 100 };
  const timer = setInterval(() => utimesSync(path, new Date(), new Date()), 15);
  await rejects(() => lockDirectory(dir, pulse), 'config', 'process 1 on elsewhere', 'remove');
  clearInterval(timer);
  const lock = await lockDirectory(dir, pulse);
  const before = statSync(path).mtimeMs;
  await sleep(100);
  assert.ok(statSync(path).mtimeMs > before, 'it is touched');
  await lock.release();
});

test('of many that find the lock of a dead process, one has it', async () => {
  const dir = temporary();
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(join(dir, '.attune.lock'), JSON.stringify({ pid, host: hostname() }));
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(dir)));
  assert.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
});

test('a path that is a file cannot be locked', async () => {
  const path = join(temporary(), 'file');
  writeFileSync(path, '');
  await rejects(() => lockDirectory(path), 'device', 'cannot be written');
});

test.run();
