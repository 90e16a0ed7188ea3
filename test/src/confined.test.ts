import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isPlainName, isPlainPath, requireInside } from '../../src/confined.ts';
import { readTokenizerFiles } from '../../src/tokenizer/files.ts';

/** A file below a new folder. */
function file(...parts: string[]): string {
  const path = join(mkdtempSync(join(tmpdir(), 'attune-')), ...parts);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '{}');
  return path;
}

function linked(target: string, path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
  return path;
}

test('a plain path stays below its folder by the rules of every system', () => {
  for (const path of ['a', 'a/b.json', '.gitattributes', 'über/模型.txt', 'x'.repeat(255)]) {
    assert.ok(isPlainPath(path), path);
  }
  const bad = [
    '',
    '.',
    '..',
    '/a',
    'a/',
    'a//b',
    'a/../b',
    'a\\b',
    'C:a',
    'a.',
    'a ',
    'a\0',
    'a\n',
  ];
  for (const path of [...bad, 'x'.repeat(256)]) assert.not.ok(isPlainPath(path), path);
  assert.ok(isPlainName('model.safetensors'));
  assert.not.ok(isPlainName('a/model.safetensors'));
});

test('a link is followed inside its folder, and from a snapshot to the blobs of its repository', () => {
  const model = file('model', 'config.json');
  requireInside(model, 'checkpoint');
  requireInside(join(dirname(model), 'nothing.json'), 'checkpoint');
  requireInside(linked('config.json', join(dirname(model), 'link.json')), 'checkpoint');
  const blob = file('models--o--m', 'blobs', 'c0ffee');
  const snapshot = join(dirname(blob), '../snapshots/1/sub');
  requireInside(linked('../../../blobs/c0ffee', join(snapshot, 'config.json')), 'checkpoint');
});

test('a link to a file of its own name is followed, and asked where it leads', () => {
  const weights = file('store', 'model.safetensors');
  const dir = dirname(file('model', 'config.json'));
  const link = linked(weights, join(dir, 'model.safetensors'));
  requireInside(link, 'checkpoint');
  // Into the hub's cache, whose files are links themselves.
  const blob = file('models--o--m', 'blobs', 'c0ffee');
  const snapshot = join(dirname(blob), '../snapshots/1');
  const cached = linked('../../blobs/c0ffee', join(snapshot, 'tokenizer.json'));
  requireInside(linked(cached, join(dir, 'tokenizer.json')), 'checkpoint');
  const away = linked(file('secret'), join(dirname(weights), 'merges.txt'));
  const hops = linked(away, join(dir, 'merges.txt'));
  assert.throws(() => requireInside(hops, 'checkpoint'), /to a file of another name/);
});

test('a link out of its folder to another name is refused, whatever it leads to', () => {
  const secret = file('secret.json');
  const dir = dirname(file('model', 'config.json'));
  const refused = (call: () => unknown, code: string) =>
    assert.throws(call, (error: { code?: string; message: string }) => {
      return error.code === code && /put the file itself there/.test(error.message);
    });
  const link = linked(secret, join(dir, 'tokenizer.json'));
  refused(() => requireInside(link, 'checkpoint'), 'checkpoint');
  refused(() => readTokenizerFiles(dir), 'tokenizer');
  const other = file('models--o--m', 'blobs', 'c0ffee');
  const snapshot = join(dirname(file('models--o--x', 'blobs', 'a')), '../snapshots/1');
  refused(() => requireInside(linked(other, join(snapshot, 'a.json')), 'data'), 'data');
  const beside = join(dirname(dir), 'model-2');
  mkdirSync(beside);
  writeFileSync(join(beside, 'a.json'), '');
  refused(() => requireInside(linked('../model-2/a.json', join(dir, 'b.json')), 'data'), 'data');
});

test.run();
