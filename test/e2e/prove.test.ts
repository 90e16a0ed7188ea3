/**
 * The proofs of prove/, cut down to a few trials and without times; `npm run prove:NAME` runs them at full size.
 * The short form of prove:tokens is in test/src/tokenizer; prove:linear judges times alone, and has none.
 */
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { proveAccounting } from '../../prove/accounting.ts';
import { proveAccumulation } from '../../prove/accumulation.ts';
import { proveBitrot } from '../../prove/bitrot.ts';
import { proveCrash } from '../../prove/crash.ts';
import { proveEnospc } from '../../prove/enospc.ts';
import { proveExport } from '../../prove/export.ts';
import { proveFaults } from '../../prove/faults.ts';
import { proveIsolation } from '../../prove/isolation.ts';
import { proveLeaks } from '../../prove/leaks.ts';
import { proveLearns } from '../../prove/learns.ts';
import { workspace } from '../../prove/lib/proof.ts';
import { writeRows, writeTinyModel } from '../../prove/lib/tiny.ts';
import { proveLock } from '../../prove/lock.ts';
import { proveNan } from '../../prove/nan.ts';
import { proveOffline } from '../../prove/offline.ts';
import { provePaths } from '../../prove/paths.ts';
import { provePower } from '../../prove/power.ts';
import { proveResume } from '../../prove/resume.ts';
import { proveRetention } from '../../prove/retention.ts';
import { proveSignals } from '../../prove/signals.ts';
import { saveCost } from '../../prove/stall.ts';
import { proveStories } from '../../prove/stories.ts';
import { proveStreaming } from '../../prove/streaming.ts';

const PROOFS = [
  [proveAccounting, 3],
  [proveAccumulation, 4],
  [proveBitrot, 200],
  [proveCrash, 12],
  [proveEnospc, 12],
  [proveExport, 1],
  [proveFaults, 5],
  [proveIsolation, 3],
  [proveLeaks, 11],
  [proveLearns, 1],
  [proveLock, 12],
  [proveNan, 10],
  [proveOffline, 1],
  [provePaths, 12],
  [provePower, 200],
  [proveResume, 2],
  [proveRetention, 1000],
  [proveSignals, 12],
  [proveStories, 1],
  [proveStreaming, 8],
] as const;

for (const [prove, trials] of PROOFS) {
  test(`${prove.name}, ${trials} trials`, async () => {
    const { line, holds } = await prove({ trials, seed: 7, short: true });
    if (line.startsWith('SKIPPED')) console.log(line);
    assert.ok(holds, line);
  });
}

test('what prove:stall measures is there', async () => {
  const dir = workspace();
  const model = writeTinyModel(join(dir, 'model'), 'F32');
  const trainFile = writeRows(join(dir, 'rows.jsonl'), 40);
  const options = { model, trainFile, outputDir: join(dir, 'out'), maxLength: 64 };
  const { step, save, bytes } = await saveCost(options, 2);
  assert.ok(step > 0 && Number.isFinite(save));
  assert.ok(bytes > 10_000, `a checkpoint of ${bytes} bytes`);
});

test.run();
