import { join } from 'node:path';
import type { Descriptor } from '../arch/descriptor.ts';
import { adapterTensorName } from '../arch/names.ts';
import { linearModules } from '../arch/parameters.ts';
import { AttuneError } from '../errors.ts';
import type { AdapterSpec, ModelSpec, TensorRead } from '../native/addon.d.ts';
import { type AdapterConfig, adapterConfigText, parseAdapterConfig } from './adapterconfig.ts';
import { refusePickle } from './checkpoint.ts';
import { type OutputFile, textFile } from './files.ts';
import { readJson } from './json.ts';
import { checkShape, loadableDType } from './plan.ts';
import { readHeader, type StoredTensor } from './safetensors.ts';
import { type Saver, tensorFile } from './save.ts';
import { targetNames } from './targets.ts';

/** A PEFT adapter directory: settings, the modules it changes, and where its tensors lie. */
export interface Adapter {
  config: AdapterConfig;
  /** Canonical names, in the model's order. */
  modules: string[];
  reads: TensorRead[];
}

/**
 * Reads adapter_config.json and the header of adapter_model.safetensors. The tensors say which
 * modules are adapted; every one must fit the model. Throws `checkpoint`.
 */
export async function openAdapter(
  dir: string,
  descriptor: Descriptor,
  spec: ModelSpec,
): Promise<Adapter> {
  const configPath = join(dir, 'adapter_config.json');
  const path = join(dir, 'adapter_model.safetensors');
  const config = parseAdapterConfig(configPath, await readJson(configPath));
  await refusePickle(dir, 'adapter_model.safetensors');
  const stored = new Map((await readHeader(path)).map((tensor) => [tensor.name, tensor]));
  const adapter: Adapter = { config, modules: [], reads: [] };
  for (const module of linearModules(spec)) {
    const a = take(stored, descriptor, `${module.name}.lora_a`, [config.rank, module.in]);
    const b = take(stored, descriptor, `${module.name}.lora_b`, [module.out, config.rank]);
    if (!a && !b) continue;
    if (!a || !b) throw new AttuneError('checkpoint', `${path}: half of ${module.name} is missing`);
    adapter.modules.push(module.name);
    adapter.reads.push(a, b);
  }
  const [unexpected] = stored.keys();
  if (unexpected) {
    throw new AttuneError(
      'checkpoint',
      `${path}: tensor ${unexpected} belongs to no linear layer of this ${descriptor.family} model`,
    );
  }
  if (adapter.modules.length === 0) {
    throw new AttuneError('checkpoint', `${path}: no LoRA tensors`);
  }
  return adapter;
}

function take(
  stored: Map<string, StoredTensor>,
  descriptor: Descriptor,
  parameter: string,
  shape: readonly number[],
): TensorRead | null {
  const name = adapterTensorName(descriptor, parameter);
  const tensor = stored.get(name);
  if (!tensor) return null;
  stored.delete(name);
  checkShape(tensor, shape);
  const { path, offset, bytes } = tensor;
  return { name: parameter, path, offset, bytes, dtype: loadableDType(tensor) };
}

/** The adapter as the engine takes it: scale is alpha / r, or alpha / √r for rsLoRA. */
export function adapterSpec(
  config: Omit<AdapterConfig, 'targets'>,
  modules: string[],
): AdapterSpec {
  const { rank, alpha, dropout, rsLora } = config;
  return { rank, scale: alpha / (rsLora ? Math.sqrt(rank) : rank), dropout, modules };
}

/** adapter_model.safetensors and adapter_config.json, in PEFT's layout, from the engine's weights. */
export function adapterFiles(
  engine: Saver,
  descriptor: Descriptor,
  spec: ModelSpec,
  config: Omit<AdapterConfig, 'targets'>,
  modules: readonly string[],
): OutputFile[] {
  const chosen = new Set(modules);
  const tensors = linearModules(spec)
    .filter(({ name }) => chosen.has(name))
    .flatMap((module) => [
      { parameter: `${module.name}.lora_a`, shape: [config.rank, module.in] },
      { parameter: `${module.name}.lora_b`, shape: [module.out, config.rank] },
    ])
    .map(({ parameter, shape }) => {
      const name = adapterTensorName(descriptor, parameter);
      return { name, parameter, shape, dtype: 'F32' as const };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const targets = targetNames(descriptor, spec, modules);
  return [
    tensorFile(engine, 'adapter_model.safetensors', tensors),
    textFile('adapter_config.json', adapterConfigText({ ...config, targets })),
  ];
}
