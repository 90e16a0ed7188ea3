/**
 * `node --import tsx scripts/golden/history.ts` at a release: keeps checkpoints of this version in
 * test/golden/history/VERSION, with the metrics of the whole runs. Those of earlier versions stay as they are.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SFTTrainer } from '../../src/index.ts';
import { version } from '../../src/version.ts';
import { HISTORY, historicRuns, KEPT } from '../../test/e2e/history.ts';

// What a run reads is named without the folder that it lies in.
process.chdir(mkdtempSync(join(tmpdir(), 'attune-history-')));
const kept = join(HISTORY, version);
if (existsSync(kept)) throw new Error(`${kept} is there: a version is kept once`);
for (const [name, options] of Object.entries(historicRuns(''))) {
  await new SFTTrainer({ ...options, outputDir: name }).train();
  mkdirSync(join(kept, name), { recursive: true });
  for (const file of ['metrics.jsonl', `checkpoint-${KEPT}`]) {
    cpSync(join(name, file), join(kept, name, file), { recursive: true });
  }
}
