import { AttuneError } from '../errors.ts';
import type { Descriptor } from './descriptor.ts';

const LAYER = /^layers\.(\d+)\./;

/** Checkpoint module of a canonical one: `layers.3.q` → `model.layers.3.self_attn.q_proj`. */
export function moduleName(descriptor: Descriptor, module: string): string {
  const layer = LAYER.exec(module)?.[1];
  const name = descriptor.names[module.replace(LAYER, 'layers.{i}.')];
  if (!name) throw new AttuneError('internal', `${descriptor.family} has no name for ${module}`);
  return layer === undefined ? name : name.replace('{i}', layer);
}

/** Checkpoint tensor of a canonical parameter: `layers.3.q.bias` → `….q_proj.bias`. */
export function tensorName(descriptor: Descriptor, parameter: string): string {
  const [, module, kind] = /^(.*)\.(weight|bias)$/.exec(parameter) ?? [];
  if (!module) return `${moduleName(descriptor, parameter)}.weight`;
  return `${moduleName(descriptor, module)}.${kind}`;
}

/** PEFT tensor of a canonical adapter parameter, `layers.3.q.lora_a` or `layers.3.q.lora_b`. */
export function adapterTensorName(descriptor: Descriptor, parameter: string): string {
  const [, module, side] = /^(.*)\.lora_([ab])$/.exec(parameter) ?? [];
  if (!module) throw new AttuneError('internal', `${parameter} is no adapter parameter`);
  return `base_model.model.${moduleName(descriptor, module)}.lora_${side?.toUpperCase()}.weight`;
}
