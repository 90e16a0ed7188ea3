/** A second SIGINT ends `attune train` at once, and what lies on the disk is whole. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { built, workspace } from '../../prove/lib/proof.ts';
import {
  checkpointSteps,
  differences,
  outcome,
  TrainProcess,
  trainToEnd,
} from '../../prove/lib/runs.ts';
import { writeRows, writeTinyModel } from '../../prove/lib/tiny.ts';

type Store = typeof import('../../src/checkpoint/store.ts');

const dir = workspace();
/** Steps that last long enough for two signals. */
const options = {
  model: writeTinyModel(join(dir, 'model'), 'F32'),
  trainFile: writeRows(join(dir, 'rows.jsonl'), 4000),
  dtype: 'float32',
  loraR: 2,
  maxSteps: 3,
  saveSteps: 1,
  perDeviceTrainBatchSize: 1,
  gradientAccumulationSteps: 2000,
  datasetNumProc: 1,
  device: 'cpu',
};

/** A run that is sent SIGINT once a checkpoint is there, `times` times; its exit code. */
async function interrupted(outputDir: string, times: number): Promise<[number | null, string]> {
  const child = new TrainProcess({ ...options, outputDir });
  let sent = 0;
  child.onLine = (line) => {
    const isTime = sent === 0 ? line.startsWith('checkpoint: ') : line.startsWith('SIGINT: ');
    if (!isTime || sent === times) return;
    sent++;
    child.kill('SIGINT');
  };
  return [await child.ended(), child.text];
}

test('one SIGINT ends the run after its step, a second one at once; both go on bitwise', async () => {
  const { problemOf } = await built<Store>('checkpoint/store.js');
  const whole = join(dir, 'whole');
  await trainToEnd({ ...options, outputDir: whole });
  for (const times of [1, 2]) {
    const outputDir = join(dir, `run-${times}`);
    const [code, text] = await interrupted(outputDir, times);
    assert.is(code, 130, text);
    assert.match(text, /SIGINT: stopping after this step \(Ctrl-C once more to stop at once\)/);
    const steps = checkpointSteps(outputDir);
    // Stopped in order, a run writes the result of the step that it ends with.
    assert.is(existsSync(join(outputDir, 'adapter_model.safetensors')), times === 1, text);
    assert.equal(steps, times === 1 ? [1, 2] : [1]);
    for (const step of steps) {
      assert.is(await problemOf(join(outputDir, `checkpoint-${step}`)), null);
    }
    await trainToEnd({ ...options, outputDir, resumeFromCheckpoint: 'auto' });
    assert.equal(differences(outcome(outputDir), outcome(whole)), []);
    assert.equal(
      readdirSync(outputDir).filter((name) => /tmp|old/.test(name)),
      [],
    );
  }
});

test.run();
