import type { Descriptor } from '../arch/descriptor.ts';
import { moduleName } from '../arch/names.ts';
import { linearModules } from '../arch/parameters.ts';
import { AttuneError } from '../errors.ts';
import type { ModelSpec } from '../native/addon.d.ts';

function matches(name: string, target: string): boolean {
  return name === target || name.endsWith(`.${target}`);
}

/**
 * Canonical modules that `lora_target_modules` selects, in the model's order. A target is the whole
 * name of a checkpoint's module or its last parts, as in PEFT; one that selects nothing is an error.
 */
export function selectModules(
  descriptor: Descriptor,
  spec: ModelSpec,
  targets: readonly string[] | 'all-linear',
): string[] {
  const modules = linearModules(spec).map(({ name }) => name);
  if (targets === 'all-linear') return modules;
  const names = modules.map((module) => moduleName(descriptor, module));
  for (const target of targets) {
    if (names.some((name) => matches(name, target))) continue;
    throw new AttuneError(
      'config',
      `lora_target_modules: no linear layer of this ${descriptor.family} model is called ${JSON.stringify(target)}; there are ${suffixes(names).join(', ')}`,
    );
  }
  return modules.filter((_, i) => targets.some((target) => matches(names[i]!, target)));
}

/**
 * PEFT's `target_modules` for canonical modules: the last parts of their names, or whole names
 * where the last part would select more.
 */
export function targetNames(
  descriptor: Descriptor,
  spec: ModelSpec,
  modules: readonly string[],
): string[] {
  const names = modules.map((module) => moduleName(descriptor, module));
  const short = suffixes(names);
  const selected = selectModules(descriptor, spec, short);
  return selected.length === modules.length ? short : names.sort();
}

function suffixes(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.slice(name.lastIndexOf('.') + 1)))].sort();
}
