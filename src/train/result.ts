import { join } from 'node:path';
import { adapterFiles } from '../checkpoint/adapter.ts';
import type { AdapterConfig } from '../checkpoint/adapterconfig.ts';
import { textFile, writeFiles } from '../checkpoint/files.ts';
import { copiedFiles, saveCheckpoint } from '../checkpoint/save.ts';
import type { Engine } from '../native/addon.d.ts';
import type { Model } from './model.ts';

/** What is trained beside the base weights: PEFT's settings, and canonical module names. */
export interface AdapterPlan {
  config: Omit<AdapterConfig, 'targets'>;
  modules: string[];
}

/**
 * Writes the result of a run, tokenizer files beside it: an adapter, or a whole checkpoint.
 * `template` is the chat template that replaced the tokenizer's, or null.
 */
export async function saveResult(
  engine: Engine,
  model: Model,
  adapter: AdapterPlan | null,
  dir: string,
  template: string | null = null,
): Promise<void> {
  const { tokenizerFiles } = await import('../tokenizer/files.ts');
  const tokenizer = tokenizerFiles(model.dir).map((name) => join(model.dir, name));
  if (adapter) {
    const { descriptor, spec } = model;
    await writeFiles(dir, [
      ...adapterFiles(engine, descriptor, spec, adapter.config, adapter.modules),
      ...(await copiedFiles(tokenizer, dir)),
    ]);
  } else {
    await saveCheckpoint(engine, model.checkpoint, model.plan, dir, tokenizer);
  }
  await saveTemplate(template, model.dir, dir);
}

/** A template that is not the tokenizer's own goes beside the result, where it is found first. */
export async function saveTemplate(
  template: string | null,
  modelDir: string,
  dir: string,
): Promise<void> {
  const { chatTemplateOf } = await import('../tokenizer/files.ts');
  if (template === null || template === chatTemplateOf(modelDir)) return;
  await writeFiles(dir, [textFile('chat_template.jinja', template)]);
}
