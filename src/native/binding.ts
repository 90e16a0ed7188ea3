import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { env } from '../env.ts';
import { AttuneError } from '../errors.ts';
import type { Addon, DeviceInfo } from './addon.d.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
let loaded: Addon | null = null;

/** Where the addon may lie, in the order tried. */
export function addonPaths(): string[] {
  if (env.addon) return [env.addon];
  const platform = `${process.platform}-${process.arch}`;
  return ['build/Release/attune.node', `prebuilds/${platform}/attune.node`].map(
    (path) => root + path,
  );
}

/** The native engine, loaded once. Throws `device` with every path tried and what it takes. */
export function loadAddon(): Addon {
  loaded ??= loadFirst(addonPaths());
  return loaded;
}

/** The first addon that loads. */
export function loadFirst(paths: readonly string[]): Addon {
  const require = createRequire(import.meta.url);
  env.restWhileWaiting();
  const attempts: string[] = [];
  for (const path of paths) {
    try {
      return require(path) as Addon;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const reason = code === 'MODULE_NOT_FOUND' ? 'no such file' : message.split('\n')[0];
      attempts.push(`${path} (${reason})`);
    }
  }
  throw new AttuneError(
    'device',
    `the native engine is not there for ${process.platform}-${process.arch}, Node ${process.version}; tried ${attempts.join(', ')}; build it with: npm run build`,
  );
}

/** What this machine can train on: the processor, then the GPUs that can be used. */
export function devices(): DeviceInfo[] {
  return loadAddon().devices();
}

/** Why no GPU can be used; empty where one can. */
export function cudaAbsence(): string {
  return loadAddon().cudaAbsence();
}
