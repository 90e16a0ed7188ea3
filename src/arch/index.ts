import { AttuneError } from '../errors.ts';
import type { Descriptor, ModelConfig } from './descriptor.ts';
import { llama } from './llama.ts';
import { opt } from './opt.ts';

/** Every family that can be trained. */
export const descriptors: readonly Descriptor[] = [llama, opt];

/** The family that a checkpoint's config.json names. Throws `checkpoint` and lists what is supported. */
export function findDescriptor(config: ModelConfig): Descriptor {
  const { architectures, model_type: type } = config;
  const name: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  const found = descriptors.find((descriptor) =>
    name === undefined
      ? descriptor.modelType === type
      : descriptor.architectures.includes(name as string),
  );
  if (found) return found;
  const supported = descriptors.flatMap((descriptor) => descriptor.architectures).join(', ');
  const what = JSON.stringify(name ?? type ?? null);
  throw new AttuneError(
    'checkpoint',
    `config.json: architecture ${what} is not supported; supported: ${supported}`,
  );
}
