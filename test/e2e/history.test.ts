/** Checkpoints of every version so far are gone on from: scripts/golden/history.ts keeps them. */
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SFTTrainer } from '../../src/index.ts';
import { HISTORY, historicRuns, KEPT, STEPS } from './history.ts';
import { temporary } from './shared.ts';

const dir = temporary();
const runs = historicRuns(dir);
const losses = (folder: string) =>
  readFileSync(join(folder, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .map((row): [number, number] => [row.step, row.loss ?? row.eval_loss]);

for (const version of readdirSync(HISTORY)) {
  for (const [name, options] of Object.entries(runs)) {
    test(`${name} of version ${version} goes on from step ${KEPT}`, async () => {
      const kept = join(HISTORY, version, name);
      const outputDir = join(dir, `${version}-${name}`);
      mkdirSync(outputDir);
      cpSync(kept, outputDir, { recursive: true });
      const trainer = new SFTTrainer({ ...options, outputDir, resumeFromCheckpoint: 'auto' });
      const steps: number[] = [];
      trainer.on('step', ({ step }) => steps.push(step));
      await trainer.train();
      assert.equal(
        steps,
        Array.from({ length: STEPS - KEPT }, (_, i) => KEPT + 1 + i),
      );
      // Other processors sum in another order.
      const expected = losses(kept);
      for (const [i, [step, loss]] of losses(outputDir).entries()) {
        assert.is(step, expected[i]![0]);
        const far = Math.abs(loss - expected[i]![1]);
        assert.ok(far < 1e-4, `row ${i}, step ${step}: ${loss}, then ${expected[i]![1]}`);
      }
    });
  }
}

test.run();
