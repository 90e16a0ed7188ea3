import type { Descriptor } from '../arch/descriptor.ts';
import { findDescriptor } from '../arch/index.ts';
import { type Adapter, adapterSpec, openAdapter } from '../checkpoint/adapter.ts';
import { type Checkpoint, openCheckpoint } from '../checkpoint/checkpoint.ts';
import { type LoadPlan, makeLoadPlan, tensorReads } from '../checkpoint/plan.ts';
import { AttuneError } from '../errors.ts';
import { modelDirectory } from '../hub/model.ts';
import type {
  AdapterSpec,
  DeviceInfo,
  Engine,
  EngineOptions,
  MemoryPlan,
  ModelSpec,
} from '../native/addon.d.ts';
import { findDevice } from '../native/device.ts';
import { createEngine } from '../native/engine.ts';
import { recordEngine } from './record.ts';

/** A model directory, understood but not loaded, with a PEFT adapter where one was asked for. */
export interface Model {
  dir: string;
  checkpoint: Checkpoint;
  descriptor: Descriptor;
  spec: ModelSpec;
  plan: LoadPlan;
  adapter: Adapter | null;
}

export type DType = EngineOptions['dtype'];

/** What an engine is wanted for; the rest of its options have defaults. */
export interface EngineRequest {
  method: EngineOptions['method'];
  /** As configured; the processor where it is not given. */
  device?: string;
  tf32?: boolean | null;
  /** null: the device's own. */
  dtype: DType | null;
  /** Largest number of tokens in one batch. */
  maxTokens: number;
  /** Longest document, in tokens. */
  maxLength: number;
  /** A new adapter; the one that was read with the model is loaded otherwise. */
  adapter?: AdapterSpec;
  training?: Pick<EngineOptions, 'seed' | 'loss' | 'labelSmoothing'> &
    Partial<Pick<EngineOptions, 'recompute'>>;
  /** Directory for a record of the run, made by prepareRecord. */
  record?: string | null;
}

/**
 * Reads a model's configuration and tensor headers; checks that they fit. `model` is a directory, or
 * the id of one on the hub, which is downloaded. Throws `checkpoint`.
 */
export async function openModel(
  model: string,
  adapterDir: string | null = null,
  revision = 'main',
): Promise<Model> {
  const dir = await modelDirectory(model, revision);
  const checkpoint = await openCheckpoint(dir);
  const descriptor = findDescriptor(checkpoint.config);
  const spec = descriptor.spec(checkpoint.config);
  const plan = makeLoadPlan(checkpoint, descriptor, spec);
  const adapter = adapterDir === null ? null : await openAdapter(adapterDir, descriptor, spec);
  return { dir, checkpoint, descriptor, spec, plan, adapter };
}

/** bfloat16 where the hardware computes it, float32 elsewhere. */
export function defaultDType(device: DeviceInfo): DType {
  return device.bfloat16 ? 'bfloat16' : 'float32';
}

/** Makes the engine at once, and loads the weights on its own thread. */
export function startEngine(
  model: Model,
  request: EngineRequest,
): { engine: Engine; loaded: Promise<void> } {
  const engine = makeEngine(model, request);
  const adapter = model.adapter?.reads ?? [];
  return { engine, loaded: engine.load([...tensorReads(model.plan), ...adapter]) };
}

/** What an engine would take of memory; no weight is read. */
export function planMemory(model: Model, request: EngineRequest): MemoryPlan {
  const engine = makeEngine(model, request);
  try {
    return engine.plan();
  } finally {
    engine.dispose();
  }
}

function makeEngine({ spec, adapter }: Model, request: EngineRequest): Engine {
  checkLength(spec, request.maxLength);
  const device = findDevice(request.device ?? 'cpu');
  const options: EngineOptions = {
    device: device.id,
    tf32: request.tf32 ?? false,
    dtype: request.dtype ?? defaultDType(device),
    method: request.method,
    adapter: request.adapter ?? (adapter && adapterSpec(adapter.config, adapter.modules)),
    maxTokens: request.maxTokens,
    recompute: null,
    seed: 0,
    loss: 'nll',
    labelSmoothing: 0,
    ...request.training,
  };
  const engine = createEngine(spec, options);
  return request.record ? recordEngine(engine, spec, options, request.record) : engine;
}

/** A learned table of positions cannot grow; rotary angles reach as far as they are asked to. */
function checkLength(spec: ModelSpec, maxLength: number): void {
  if (spec.position === 'rotary' || maxLength <= spec.maxPositions) return;
  throw new AttuneError(
    'config',
    `max_length: the model has ${spec.maxPositions} positions, ${maxLength} were asked for`,
  );
}
