import { basename, join } from 'node:path';
import { adapterFiles } from '../checkpoint/adapter.ts';
import type { AdapterConfig } from '../checkpoint/adapterconfig.ts';
import { type Patience, patiently } from '../checkpoint/durable.ts';
import { type OutputFile, textFile, writeFiles } from '../checkpoint/files.ts';
import { checkpointFiles, copiedFiles, removeStale } from '../checkpoint/save.ts';
import type { Engine } from '../native/addon.d.ts';
import type { Model } from './model.ts';

const TEMPLATE = 'chat_template.jinja';

/** What is trained beside the base weights: PEFT's settings, and canonical module names. */
export interface AdapterPlan {
  config: Omit<AdapterConfig, 'targets'>;
  modules: string[];
}

/**
 * The files of a result, tokenizer files beside it: an adapter, or a whole checkpoint. `template` is
 * the chat template that replaced the tokenizer's, or null; what lies in `dir` already is left out.
 */
export async function resultFiles(
  engine: Engine,
  model: Model,
  adapter: AdapterPlan | null,
  dir: string,
  template: string | null,
): Promise<OutputFile[]> {
  const { chatTemplateOf, tokenizerFiles } = await import('../tokenizer/files.ts');
  const tokenizer = tokenizerFiles(model.dir).map((name) => join(model.dir, name));
  // A template that is not the tokenizer's own goes beside the result, where it is found first.
  const own = template !== null && template !== chatTemplateOf(model.dir);
  const copied = own ? tokenizer.filter((path) => basename(path) !== TEMPLATE) : tokenizer;
  const { descriptor, spec, checkpoint, plan } = model;
  const files = adapter
    ? [
        ...adapterFiles(engine, descriptor, spec, adapter.config, adapter.modules),
        ...(await copiedFiles(copied, dir)),
      ]
    : await checkpointFiles(engine, checkpoint, plan, dir, copied);
  return own ? [...files, textFile(TEMPLATE, template)] : files;
}

/** Writes the result of a run. Waits for space on a full disk where `patience` is given. */
export async function saveResult(
  engine: Engine,
  model: Model,
  adapter: AdapterPlan | null,
  dir: string,
  template: string | null = null,
  patience?: Patience,
): Promise<void> {
  const files = await resultFiles(engine, model, adapter, dir, template);
  const write = () => writeFiles(dir, files);
  await (patience ? patiently(dir, write, patience) : write());
  if (!adapter) await removeStale(dir, new Set(files.map(({ name }) => name)));
}

/** A template that is not the tokenizer's own goes beside a merged model too. */
export async function saveTemplate(
  template: string | null,
  modelDir: string,
  dir: string,
): Promise<void> {
  const { chatTemplateOf } = await import('../tokenizer/files.ts');
  if (template === null || template === chatTemplateOf(modelDir)) return;
  await writeFiles(dir, [textFile(TEMPLATE, template)]);
}
