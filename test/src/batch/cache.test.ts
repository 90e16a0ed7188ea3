/** Encoded rows that a later run takes: when, when not, and what happens to broken ones. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Batch } from '../../../src/batch/batch.ts';
import { usage } from '../../../src/cache/directory.ts';
import type { DataOptions } from '../../../src/data/options.ts';
import { file } from '../data/files.ts';
import { batches, lines, rows, using } from './run.ts';

/** Runs with an empty cache, and with what lies in it. */
async function withCache(run: (segments: () => string[]) => Promise<void>): Promise<void> {
  const before = process.env.ATTUNE_CACHE;
  const cache = mkdtempSync(join(tmpdir(), 'attune-cache-'));
  process.env.ATTUNE_CACHE = cache;
  const root = join(cache, 'encoded');
  const segments = () =>
    existsSync(root)
      ? (readdirSync(root, { recursive: true, encoding: 'utf8' }) as string[])
          .filter((name) => name.endsWith('.tokens'))
          .map((name) => join(root, name))
      : [];
  try {
    await run(segments);
  } finally {
    process.env.ATTUNE_CACHE = before;
    rmSync(cache, { recursive: true });
  }
}

interface Seen {
  /** Rows that were there before any was encoded. */
  found: number;
  batches: Batch[];
}

function run(changes: Partial<DataOptions>): Promise<Seen> {
  return using({ cache: true, ...changes }, async (dataset) => {
    const found = dataset.progress.read;
    const all = await batches(dataset, 0);
    await dataset.accounting();
    return { found, batches: all };
  });
}

/** A file that was there for a while: one just written may change within the clock's tick. */
function settledFile(content: string): string {
  const path = file('a.jsonl', content);
  const then = new Date(Date.now() - 60_000);
  utimesSync(path, then, then);
  return path;
}

test('a second run takes the rows of the first, in any order and packing', () =>
  withCache(async (segments) => {
    const files = [settledFile(lines(rows(900)))];
    const cold = await run({ files, sampling: 'random' });
    assert.is(cold.found, 0);
    assert.is(segments().length, 1);
    const warm = await run({ files, sampling: 'random' });
    assert.is(warm.found, 900);
    assert.equal(warm.batches, cold.batches);
    const given = { files, packing: 'bfd', maxLength: 50, seed: 7, sampling: 'random' } as const;
    const packed = await run(given);
    assert.is(packed.found, 900);
    assert.equal(packed.batches, (await run({ ...given, cache: false })).batches);
    assert.is(segments().length, 1);
    assert.is(usage().entries, 1);
    // The same content elsewhere.
    assert.is((await run({ files: [settledFile(lines(rows(900)))] })).found, 900);
  }));

test('broken words are noticed when they are read, and encoded again', () =>
  withCache(async (segments) => {
    const files = [settledFile(lines(rows(600)))];
    const given = { files, packing: 'wrapped', maxLength: 30 } as const;
    const cold = await run(given);
    const [segment = ''] = segments();
    const bytes = readFileSync(segment);
    bytes[bytes.length >> 1]! ^= 4;
    writeFileSync(segment, bytes);
    const index = bytes.length - 600 * 28 - 28;
    assert.ok(bytes.length >> 1 < index, 'the middle of the file is words');
    const again = await run(given);
    assert.is(again.found, 600);
    assert.equal(again.batches, cold.batches);
    assert.not.ok(existsSync(segment));
    assert.is(segments().length, 1);
    const warm = await run(given);
    assert.is(warm.found, 600);
    assert.equal(warm.batches, cold.batches);
  }));

test('runs at the same time, and runs that end early, add what they have', () =>
  withCache(async (segments) => {
    const files = [settledFile(lines(rows(6000)))];
    await using({ files, cache: true, readAll: false }, async (dataset) => {
      for await (const _ of dataset.batches(0)) break;
    });
    assert.is(segments().length, 1);
    const [one, two] = await Promise.all([run({ files }), run({ files, seed: 3 })]);
    assert.ok(one.found >= 100 && one.found < 6000, String(one.found));
    assert.equal(one.batches, two.batches);
    const warm = await run({ files });
    assert.is(warm.found, 6000);
    assert.equal(warm.batches, one.batches);
  }));

test('a file that changes while it is read leaves nothing', () =>
  withCache(async (segments) => {
    const path = settledFile(lines(rows(3000)));
    await using({ files: [path], cache: true, readAll: false }, async (dataset) => {
      for await (const _ of dataset.batches(0)) break;
      writeFileSync(path, lines(rows(3001)));
    });
    assert.equal(segments(), []);
  }));

test.run();
