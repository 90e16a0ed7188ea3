import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AttuneError } from '../errors.ts';

/** `attune bench`: the benchmarks of the repository, in a process of their own. */
export async function bench(name?: string): Promise<void> {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  if (!existsSync(`${root}bench/index.ts`)) {
    throw new AttuneError(
      'config',
      'bench: the benchmarks come with the repository, not with the package',
    );
  }
  const words = ['--import', 'tsx', `${root}bench/index.ts`, ...(name ? [name] : [])];
  const child = spawn(process.execPath, words, { stdio: 'inherit', cwd: root });
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
