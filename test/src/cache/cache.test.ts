/** What encoded rows are called by, how they lie on disk, and which go first. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openSegments, prune, publish, usage } from '../../../src/cache/directory.ts';
import { hashFile, rememberedHash, sha256 } from '../../../src/cache/hash.ts';
import { encodingKey } from '../../../src/cache/key.ts';
import { FileLog } from '../../../src/cache/log.ts';
import { openSegment } from '../../../src/cache/segment.ts';
import type { DataOptions } from '../../../src/data/options.ts';
import { storeDocuments } from '../../../src/worker/documents.ts';
import { file } from '../data/files.ts';
import { tinyDirectory } from '../tokenizer/tiny.ts';
import { options } from '../worker/options.ts';

const tokenizerDir = tinyDirectory();
const before = process.env.ATTUNE_CACHE ?? '';
const cache = mkdtempSync(join(tmpdir(), 'attune-cache-'));
test.before.each(() => {
  process.env.ATTUNE_CACHE = cache;
  rmSync(cache, { recursive: true, force: true });
});
test.after(() => {
  process.env.ATTUNE_CACHE = before;
  rmSync(cache, { recursive: true, force: true });
});

test('rows are called by whatever changes them, and by nothing else', () => {
  const key = (changes: Partial<DataOptions> = {}, contents = ['a', 'b']) =>
    encodingKey(options({ tokenizerDir, ...changes }), contents);
  const plain = key();
  assert.match(plain!, /^[0-9a-f]{64}$/);
  const same: Partial<DataOptions>[] = [
    { files: ['x.jsonl'], tokenizerDir: tinyDirectory() },
    { maxLength: 7, truncationMode: 'keep_end', packing: 'bfd', packedTogether: null },
    { seed: 3, sampling: 'random', batchSize: 9, workers: 4, readAll: false, cache: true },
  ];
  for (const change of same) assert.is(key(change), plain, JSON.stringify(change));
  const other: Partial<DataOptions>[] = [
    { tokenizerDir: tinyDirectory({}, { eos_token: '<|pad|>' }) },
    { tokenizerDir: tinyDirectory({ normalizer: { type: 'NFC' } }) },
    { chatTemplate: '{{ messages[0].content }}' },
    { rolesToTrain: ['user'] },
    { trainOnEos: 'none' },
    { maskHistory: true },
    { completionOnlyLoss: false },
    { assistantOnlyLoss: false },
    { datasetTextField: 'body' },
    { vocabularySize: 300 },
  ];
  const keys = [plain, key({}, ['a', 'c']), key({}, ['ab']), ...other.map((change) => key(change))];
  assert.is(new Set(keys).size, keys.length);
});

test('what is no function of the rows has no key; a date holds for a day', () => {
  const key = (changes: Partial<DataOptions>) =>
    encodingKey(options({ tokenizerDir, ...changes }), []);
  assert.is(key({ formatting: './format.mjs' }), null);
  assert.is(key({ chatTemplate: "{{ strftime_now('%H:%M') }}" }), null);
  assert.ok(key({ chatTemplate: "{{ strftime_now('%d %b %Y') }}" }));
});

/** A segment of two rows in the cache. */
function leave(key: string, name = 'a.tokens'): void {
  const document = (...ids: number[]) => {
    const labels = Int32Array.from(ids, (id, i) => (i === 0 ? -100 : id));
    return { ids: Int32Array.from(ids), labels };
  };
  const { words, columns } = storeDocuments([document(1, 2, 3), document(4, 5)]);
  const directory = join(cache, 'spool', 'run');
  mkdirSync(directory, { recursive: true });
  const log = new FileLog(join(directory, name));
  log.append(words);
  assert.ok(publish(key, { log, rows: Uint32Array.of(7, 5), columns }));
  log.close();
}

const published = (key: string) => join(cache, 'encoded', key, 'run-a.tokens');

test('a segment is read as it was written, or not at all', () => {
  leave('k');
  const [segment] = openSegments('k');
  assert.equal([...segment!.rows], [7, 5]);
  assert.equal([...segment!.columns.lengths], [3, 2]);
  assert.equal([...segment!.log.read(0, 1)], [1]);
  segment!.log.close();
  const whole = readFileSync(published('k'));
  const words = 5 * 4;
  for (let at = words; at < whole.length; at++) {
    const broken = Buffer.from(whole);
    broken[at]! ^= 1;
    writeFileSync(published('k'), broken);
    assert.is(openSegment(published('k')), null, `byte ${at}`);
  }
  for (let size = 0; size < whole.length; size++) {
    writeFileSync(published('k'), whole.subarray(0, size));
    assert.is(openSegment(published('k')), null, `${size} bytes`);
  }
  assert.equal(openSegments('k'), []);
  assert.not.ok(existsSync(published('k')));
});

test('what was not used for the longest time goes first', () => {
  for (const [key, age] of [
    ['old', 3],
    ['older', 4],
    ['new', 1],
  ] as const) {
    leave(key);
    const then = new Date(Date.now() - 1000 * age);
    utimesSync(published(key), then, then);
  }
  const size = statSync(published('new')).size;
  assert.equal(usage(), { directory: join(cache, 'encoded'), bytes: 3 * size, entries: 3 });
  for (const { log } of openSegments('older')) log.close();
  prune(3 * size);
  assert.is(usage().entries, 3);
  prune(2 * size);
  assert.not.ok(existsSync(dirname(published('old'))));
  prune(size);
  assert.ok(existsSync(published('older')), 'it was used last');
  prune(size - 1);
  assert.is(usage().bytes, 0);
  process.env.ATTUNE_CACHE_LIMIT = '0';
  const log = new FileLog(file('b.tokens', ''));
  log.append(new Int32Array(3));
  const { columns } = storeDocuments([]);
  assert.not.ok(publish('k', { log, rows: new Uint32Array(0), columns }));
  log.close();
  delete process.env.ATTUNE_CACHE_LIMIT;
});

test('a hash is remembered while its file is as it was', async () => {
  const { signal } = new AbortController();
  const path = file('a.jsonl', 'abc');
  assert.is(await hashFile(path, signal), sha256('abc'));
  assert.is(rememberedHash(path), null, 'the file may change again within the tick of its clock');
  const then = new Date(Date.now() - 60_000);
  utimesSync(path, then, then);
  await hashFile(path, signal);
  assert.is(rememberedHash(path), sha256('abc'));
  writeFileSync(path, 'abd');
  utimesSync(path, then, then);
  assert.is(rememberedHash(path), null, 'same size, same time of change, other content');
  assert.is(await hashFile(path, AbortSignal.abort()), null);
});

test.run();
