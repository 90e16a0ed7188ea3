import { type MergeOptions, mergeAdapter } from '../train/merge.ts';
import { print, printJson } from './report.ts';

/** `attune merge`: prints where the checkpoint is. */
export async function merge(options: MergeOptions & { json?: boolean }): Promise<void> {
  process.stderr.write(`merging ${options.adapter} into ${options.model}\n`);
  await mergeAdapter(options);
  if (options.json) await printJson({ outputDir: options.outputDir });
  else await print(options.outputDir);
}
