import { join } from 'node:path';
import { adapterFiles } from '../checkpoint/adapter.ts';
import type { AdapterConfig } from '../checkpoint/adapterconfig.ts';
import { writeFiles } from '../checkpoint/files.ts';
import { copiedFiles, saveCheckpoint } from '../checkpoint/save.ts';
import type { Engine } from '../native/addon.d.ts';
import type { Model } from './model.ts';

/** What is trained beside the base weights: PEFT's settings, and canonical module names. */
export interface AdapterPlan {
  config: Omit<AdapterConfig, 'targets'>;
  modules: string[];
}

/** Writes the result of a run, tokenizer files beside it: an adapter, or a whole checkpoint. */
export async function saveResult(
  engine: Engine,
  model: Model,
  adapter: AdapterPlan | null,
  dir: string,
): Promise<void> {
  const { tokenizerFiles } = await import('../tokenizer/files.ts');
  const tokenizer = tokenizerFiles(model.dir).map((name) => join(model.dir, name));
  if (!adapter) return saveCheckpoint(engine, model.checkpoint, model.plan, dir, tokenizer);
  const { descriptor, spec } = model;
  await writeFiles(dir, [
    ...adapterFiles(engine, descriptor, spec, adapter.config, adapter.modules),
    ...(await copiedFiles(tokenizer, dir)),
  ]);
}
