import { showProgress } from '../train/progress.ts';
import { SFTTrainer } from '../train/trainer.ts';
import { readConfig } from './keys.ts';
import { print, printJson } from './report.ts';
import { interruptSignal } from './signals.ts';

/** `attune train`: one run, with progress on stderr and where the result is on stdout. */
export async function train(words: string[]): Promise<void> {
  const { resolved, own } = await readConfig(words, ['json']);
  const signal = interruptSignal('stopping after this step (Ctrl-C once more to stop at once)');
  const trainer = new SFTTrainer({ ...resolved, signal });
  const finish = await showProgress(trainer, process.stderr);
  try {
    const result = await trainer.train();
    await finish();
    if (own.json) await printJson(result);
    else await print(result.outputDir);
  } catch (error) {
    await finish();
    throw error;
  }
}
