import type { Target } from './target.ts';

const modules: Readonly<Record<string, () => Promise<{ target: Target }>>> = {
  safetensors: () => import('./targets/safetensors.ts'),
  adapter: () => import('./targets/adapter.ts'),
  model: () => import('./targets/model.ts'),
  index: () => import('./targets/index.ts'),
  state: () => import('./targets/state.ts'),
  metrics: () => import('./targets/metrics.ts'),
  json: () => import('./targets/json.ts'),
  rows: () => import('./targets/rows.ts'),
  record: () => import('./targets/record.ts'),
  template: () => import('./targets/template.ts'),
  tokenizer: () => import('./targets/tokenizer.ts'),
  config: () => import('./targets/config.ts'),
  csv: () => import('./targets/csv.ts'),
  parquet: () => import('./targets/parquet.ts'),
  addon: () => import('./targets/addon.ts'),
  gzip: () => import('./targets/gzip.ts'),
};

export const targetNames: readonly string[] = Object.keys(modules);

/** A target by name. Throws where there is none. */
export async function loadTarget(name: string): Promise<Target> {
  const load = Object.hasOwn(modules, name) ? modules[name] : undefined;
  if (!load) throw new Error(`no target ${name}; there are ${targetNames.join(', ')}`);
  return (await load()).target;
}
