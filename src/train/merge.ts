import { join, resolve } from 'node:path';
import { lockDirectory } from '../checkpoint/lock.ts';
import { saveCheckpoint } from '../checkpoint/save.ts';
import { AttuneError } from '../errors.ts';
import { openModel, startEngine } from './model.ts';
import { saveTemplate } from './result.ts';

export interface MergeOptions {
  model: string;
  adapter: string;
  outputDir: string;
}

/**
 * Adds an adapter to its base weights, in float32, and writes a plain Hugging Face checkpoint with
 * the base's dtypes. Throws `checkpoint` and `config`.
 */
export async function mergeAdapter(options: MergeOptions): Promise<void> {
  const { outputDir } = options;
  if (resolve(outputDir) === resolve(options.model)) {
    throw new AttuneError('config', `output_dir: ${outputDir} is the model’s own directory`);
  }
  const model = await openModel(options.model, options.adapter);
  const { chatTemplateOf, tokenizerFiles } = await import('../tokenizer/files.ts');
  const lock = await lockDirectory(outputDir);
  try {
    const { engine, loaded } = startEngine(model, {
      method: 'none',
      dtype: 'float32',
      maxTokens: 1,
      maxLength: 1,
    });
    try {
      await loaded;
      await engine.merge();
      const tokenizer = tokenizerFiles(model.dir).map((name) => join(model.dir, name));
      await saveCheckpoint(engine, model.checkpoint, model.plan, outputDir, tokenizer);
      await saveTemplate(chatTemplateOf(options.adapter), model.dir, outputDir);
    } finally {
      engine.dispose();
    }
  } finally {
    await lock.release();
  }
}
