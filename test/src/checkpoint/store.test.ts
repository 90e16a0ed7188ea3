import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isFull, patiently } from '../../../src/checkpoint/durable.ts';
import { verify } from '../../../src/checkpoint/manifest.ts';
import { CheckpointStore, problemOf } from '../../../src/checkpoint/store.ts';
import { rejects, temporary } from './files.ts';

const quiet = { tell: () => {} };
const files = (step: number) => [
  { name: 'model.safetensors', bytes: Buffer.alloc(1000, step) },
  { name: 'trainer_state.json', bytes: Buffer.from(`{"step": ${step}}`) },
];
const publish = async (store: CheckpointStore, run: string, ...steps: number[]) => {
  for (const step of steps) await store.publish(run, step, files(step), quiet);
};
const names = (dir: string) => readdirSync(dir).sort();

test('a published checkpoint is whole, and latest points to it', async () => {
  const store = new CheckpointStore(temporary());
  await publish(store, 'a', 5, 10);
  assert.equal(names(store.dir), ['checkpoint-10', 'checkpoint-5', 'latest']);
  assert.is(readlinkSync(join(store.dir, 'latest')), 'checkpoint-10');
  const manifest = await verify(join(store.dir, 'checkpoint-10'));
  assert.equal([manifest.run, manifest.step], ['a', 10]);
  assert.equal(
    (await store.list()).map(({ step }) => step),
    [5, 10],
  );
});

test('the newest whole one is found, up to a step; a damaged one is told', async () => {
  const store = new CheckpointStore(temporary());
  assert.is(await store.newest(9, assert.unreachable), null);
  await publish(store, 'a', 5, 10, 100);
  appendFileSync(join(store.dir, 'checkpoint-100/model.safetensors'), 'x');
  const told: string[] = [];
  const newest = await store.newest(Number.POSITIVE_INFINITY, (text) => told.push(text));
  assert.is(newest?.step, 10);
  assert.match(told[0]!, /checkpoint-100 is passed over: model.safetensors has 1001 bytes, 1000/);
  assert.is((await store.newest(9, assert.unreachable))?.step, 5);
  for (const step of [5, 10]) rmSync(join(store.dir, `checkpoint-${step}/trainer_state.json`));
  await rejects(() => store.newest(1000, () => {}), 'checkpoint', 'none of 3 checkpoints is whole');
});

test('pruning spares the newest, the best, what another run made, and everything of nobody', async () => {
  const store = new CheckpointStore(temporary());
  await publish(store, 'other', 1);
  await publish(store, 'a', 2, 3, 4, 10);
  mkdirSync(join(store.dir, 'checkpoint-7'));
  await store.prune('a', 2, 3);
  assert.equal(names(store.dir), [
    'checkpoint-1',
    'checkpoint-10',
    'checkpoint-3',
    'checkpoint-4',
    'checkpoint-7',
    'latest',
  ]);
  appendFileSync(join(store.dir, 'checkpoint-10/model.safetensors'), 'x');
  await rejects(() => store.prune('a', 1, null), 'checkpoint', 'older ones are kept');
  assert.ok(existsSync(join(store.dir, 'checkpoint-4')));
});

test('a copy or a link with a higher number does not pass for the newest, nor is it pruned', async () => {
  const store = new CheckpointStore(temporary());
  await publish(store, 'a', 1, 2, 3);
  cpSync(join(store.dir, 'checkpoint-1'), join(store.dir, 'checkpoint-900'), { recursive: true });
  symlinkSync('checkpoint-3', join(store.dir, 'checkpoint-901'));
  symlinkSync('nowhere', join(store.dir, 'checkpoint-902'));
  const told: string[] = [];
  assert.is((await store.newest(1000, (text) => told.push(text)))?.step, 3);
  assert.match(told.join(), /checkpoint-900 is passed over: it is a copy of checkpoint-1/);
  await store.prune('a', 1, null);
  assert.equal(names(store.dir), [
    'checkpoint-3',
    'checkpoint-900',
    'checkpoint-901',
    'checkpoint-902',
    'latest',
  ]);
  await store.prune('a', 0, null);
  assert.is(await problemOf(join(store.dir, 'checkpoint-3')), null);
});

test('checkpoints of a past that is left get another name', async () => {
  const store = new CheckpointStore(temporary());
  await publish(store, 'a', 2, 4);
  assert.equal(await store.setAside(2), ['checkpoint-4.old-1']);
  await publish(store, 'a', 4);
  assert.equal(await store.setAside(2), ['checkpoint-4.old-2']);
  assert.equal(
    (await store.list()).map(({ step }) => step),
    [2],
  );
  assert.is(await problemOf(join(store.dir, 'checkpoint-4.old-1')), null);
});

test('what a killed run had begun is cleared away, and nothing else', async () => {
  const store = new CheckpointStore(temporary());
  for (const name of [
    '.checkpoint-3.tmp',
    '.checkpoint-2.removed',
    '.mine',
    'checkpoint-3.old-1',
  ]) {
    mkdirSync(join(store.dir, name));
  }
  await store.clear();
  assert.equal(names(store.dir), ['.mine', 'checkpoint-3.old-1']);
});

test('a write waits for space, tries again what may pass, and throws the rest', async () => {
  const failing = (...codes: string[]) => {
    const told: string[] = [];
    const call = patiently(
      'file',
      async () => {
        const code = codes.shift();
        if (code) throw Object.assign(new Error(code), { code });
        return 'done';
      },
      { tell: (text) => told.push(text), wait: 1 },
    );
    return call.then((result) => ({ result, told }));
  };
  const { result, told } = await failing('ENOSPC', 'EDQUOT', 'ENOSPC');
  assert.is(result, 'done');
  assert.equal(told, [
    'file: no space left on the disk; waiting until there is (free some, or stop)',
    'file: there is space again; it is written',
  ]);
  assert.is((await failing('EIO', 'EIO')).result, 'done');
  await rejects(() => failing('EIO', 'EIO', 'EIO'), 'device', 'file: cannot be written: EIO');
  await rejects(() => failing('EROFS'), 'device', 'the file system is read-only');
  assert.ok(isFull(new Error('x', { cause: Object.assign(new Error(''), { code: 'ENOSPC' }) })));
});

test('a wait for space ends when the run is stopped', async () => {
  const full = () => Promise.reject(Object.assign(new Error(''), { code: 'ENOSPC' }));
  const controller = new AbortController();
  const tell = () => controller.abort();
  await rejects(
    () => patiently('file', full, { tell, signal: controller.signal }),
    'device',
    'file: cannot be written: no space left on the disk',
  );
});

test.run();
