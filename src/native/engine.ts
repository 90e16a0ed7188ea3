import { AttuneError, type ErrorCode } from '../errors.ts';
import type { Engine, EngineOptions, ModelSpec } from './addon.d.ts';
import { loadAddon } from './binding.ts';

export const CODES: ReadonlySet<unknown> = new Set<ErrorCode>([
  'config',
  'data',
  'tokenizer',
  'checkpoint',
  'shape',
  'out_of_memory',
  'device',
  'non_finite',
  'disposed',
  'internal',
]);

/** A native error with a known `code` as an AttuneError; anything else as it is. */
export function translate(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AttuneError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (!CODES.has(code)) return error;
  return new AttuneError(code as ErrorCode, error.message, { cause: error });
}

let running = 0;
let moved = 0;

/** Milliseconds since an engine last finished a piece of a step, while more are waited for; else 0. */
export function engineBusy(): number {
  return running === 0 ? 0 : performance.now() - moved;
}

async function timed<T>(call: () => Promise<T>): Promise<T> {
  if (running++ === 0) moved = performance.now();
  try {
    return await call();
  } finally {
    running--;
    moved = performance.now();
  }
}

/** A new engine: memory is planned and taken here. Throws what native code throws, as AttuneError. */
export function createEngine(spec: ModelSpec, options: EngineOptions): Engine {
  const { Engine: Native } = loadAddon();
  return guard(() => withErrors(new Native(spec, options)));
}

function guard<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw translate(error);
  }
}

/** The same engine, every verb throwing and rejecting with AttuneErrors. */
export function withErrors(engine: Engine): Engine {
  const later = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      throw translate(error);
    }
  };
  return {
    plan: () => guard(() => engine.plan()),
    parameters: () => guard(() => engine.parameters()),
    load: (reads) => later(() => engine.load(reads)),
    accumulate: (batch) => timed(() => later(() => engine.accumulate(batch))),
    update: (options) => timed(() => later(() => engine.update(options))),
    evaluate: (batch) => timed(() => later(() => engine.evaluate(batch))),
    tokenLosses: (batch) => later(() => engine.tokenLosses(batch)),
    logits: (tokens) => later(() => engine.logits(tokens)),
    decode: (tokens, reset) => later(() => engine.decode(tokens, reset)),
    merge: () => later(() => engine.merge()),
    save: (path, header, tensors) => later(() => engine.save(path, header, tensors)),
    snapshot: (header, tensors) => later(() => engine.snapshot(header, tensors)),
    progress: () => later(() => engine.progress()),
    restore: (progress) => later(() => engine.restore(progress)),
    read: (name, what) => later(() => engine.read(name, what)),
    dispose: () => engine.dispose(),
  };
}
