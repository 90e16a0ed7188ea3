import type { Descriptor } from '../arch/descriptor.ts';
import { tensorName } from '../arch/names.ts';
import { parameterShapes } from '../arch/parameters.ts';
import { AttuneError } from '../errors.ts';
import type { ModelSpec, NativeDType, TensorRead } from '../native/addon.d.ts';
import type { Checkpoint } from './checkpoint.ts';
import { nativeDType, WEIGHT_DTYPES } from './header.ts';
import type { StoredTensor } from './safetensors.ts';

/** Which stored tensor fills each parameter of the engine, by canonical name. */
export type LoadPlan = ReadonlyMap<string, StoredTensor>;

/** Pairs parameters with tensors. Throws `checkpoint` for tensors missing, unexpected or mis-shaped. */
export function makeLoadPlan(
  checkpoint: Checkpoint,
  descriptor: Descriptor,
  spec: ModelSpec,
): LoadPlan {
  const plan = new Map<string, StoredTensor>();
  const left = new Map(checkpoint.tensors);
  const missing: string[] = [];
  for (const [parameter, shape] of parameterShapes(spec)) {
    const name = tensorName(descriptor, parameter);
    // A checkpoint of the bare decoder lacks the leading `model.`.
    const stored = left.get(name) ?? left.get(name.replace(/^model\./, ''));
    if (!stored) {
      missing.push(name);
      continue;
    }
    checkShape(stored, shape);
    left.delete(stored.name);
    plan.set(parameter, stored);
  }
  const { dir } = checkpoint;
  if (missing.length > 0) {
    throw new AttuneError('checkpoint', `${dir}: ${list(missing, 'missing')}`);
  }
  const unexpected = [...left.keys()].filter(
    (name) =>
      !descriptor.ignored.some((pattern) => pattern.test(name)) &&
      !(spec.tiedHead && name === 'lm_head.weight'),
  );
  if (unexpected.length > 0) {
    throw new AttuneError(
      'checkpoint',
      `${dir}: ${list(unexpected, 'unexpected')}; config.json describes a ${descriptor.family} model without`,
    );
  }
  return plan;
}

/** The plan as the engine takes it. */
export function tensorReads(plan: LoadPlan): TensorRead[] {
  return [...plan].map(([name, stored]) => ({
    name,
    path: stored.path,
    offset: stored.offset,
    bytes: stored.bytes,
    dtype: loadableDType(stored),
  }));
}

/** The engine's name of a tensor's dtype. Throws `checkpoint` where weights cannot have it. */
export function loadableDType(stored: StoredTensor): NativeDType {
  const dtype = nativeDType(stored.dtype);
  if (dtype) return dtype;
  const known = Object.keys(WEIGHT_DTYPES).join(', ');
  throw new AttuneError(
    'checkpoint',
    `${stored.path}: tensor ${stored.name} is ${stored.dtype}; weights are read as ${known}`,
  );
}

/** Throws `checkpoint` unless the stored tensor has this shape. */
export function checkShape(stored: StoredTensor, shape: readonly number[]): void {
  loadableDType(stored);
  if (stored.shape.length === shape.length && stored.shape.every((n, i) => n === shape[i])) return;
  throw new AttuneError(
    'checkpoint',
    `${stored.path}: tensor ${stored.name} has shape [${stored.shape}], expected [${shape}]`,
  );
}

function list(names: string[], what: string): string {
  const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  return `${what} ${names.length === 1 ? 'tensor' : 'tensors'} ${names.slice(0, 3).join(', ')}${more}`;
}
