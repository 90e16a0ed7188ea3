/** Workers that die or hang, by a formatting function that makes them: no row is lost. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Records } from '../../../src/batch/records.ts';
import { Spool } from '../../../src/data/spool.ts';
import type { Documents } from '../../../src/worker/documents.ts';
import { EncodePool } from '../../../src/worker/pool.ts';
import { lines, rejection, rows, tokenizerDir } from '../batch/run.ts';
import { file } from '../data/files.ts';
import { options } from './options.ts';

const data = file('rows.jsonl', lines(rows(250)));

/** Encodes all rows with workers that run `fault` at row 130, the first time or each time. */
async function encode(
  fault: string,
  { always = false, patience = 60_000 } = {},
): Promise<Documents> {
  const mark = join(dirname(data), `mark-${performance.now()}`);
  const formatting = file(
    'format.mjs',
    `import { existsSync, writeFileSync } from 'node:fs';
    import { isMainThread } from 'node:worker_threads';
    export default (row) => {
      if (!isMainThread && row.text.startsWith('0130') && (${always} || !existsSync('${mark}'))) {
        writeFileSync('${mark}', '');
        ${fault}
      }
      return row;
    };`,
  );
  const settings = options({ files: [data], tokenizerDir, formatting, workers: 1 });
  const spool = new Spool();
  const records = await Records.open(settings, spool);
  const pool = new EncodePool({ options: settings }, { patience, heap: 64 });
  try {
    const all = Uint32Array.from({ length: 250 }, (_, i) => i);
    const documents = await pool.run(records.task(all));
    assert.ok(existsSync(mark) || fault === '');
    return documents;
  } finally {
    await pool.close();
    spool.close();
  }
}

test('a worker that crashes, runs out of memory or hangs once loses no row', async () => {
  const expected = await encode('');
  assert.is(expected.columns.lengths.length, 250);
  const exhaust = 'const all = []; for (;;) all.push(new Array(1e5).fill(all.length));';
  const hang = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);';
  const broken = [encode('process.exit(3);'), encode(exhaust), encode(hang, { patience: 4000 })];
  for (const documents of await Promise.all(broken)) assert.equal(documents, expected);
});

test('rows that no worker survives are named', async () => {
  const { code, message } = await rejection(encode('process.exit(3);', { always: true }));
  assert.is(code, 'internal');
  assert.ok(message.startsWith(`${data}:1 to ${data}:250: the worker that encodes`), message);
  assert.match(message, /3 times/);
});

test.run();
