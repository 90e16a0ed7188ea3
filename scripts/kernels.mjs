// Builds and runs the native tests: npm run test:kernels [-- FILTER].
//   --sanitize  with the address and undefined-behaviour sanitizers, in a build folder of their own
//   --bench     the kernel benchmark instead
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const words = process.argv.slice(2);
const sanitize = words.includes('--sanitize');
const target = words.includes('--bench') ? 'attune_bench' : 'attune_test';
const rest = words.filter((word) => word !== '--sanitize' && word !== '--bench');
const build = join(root, sanitize ? 'build-sanitize' : 'build-test');

/** Runs a program to its end; a failure ends this script with its code. */
function run(program, args, options = {}) {
  const result = spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.status === 0) return;
  process.stderr.write(result.stderr ?? '');
  if (result.error) {
    const missing = result.error.code === 'ENOENT';
    console.error(missing ? `${program} is not installed: npm run setup` : String(result.error));
  }
  if (result.signal) console.error(`${program} ended by ${result.signal}`);
  process.exit(result.status ?? 1);
}

/** Ninja where it is installed; a build folder keeps the generator that it was made with. */
function generator() {
  if (existsSync(join(build, 'CMakeCache.txt'))) return [];
  const found = spawnSync('ninja', ['--version'], { stdio: 'ignore' }).status === 0;
  return found ? ['-G', 'Ninja'] : [];
}

const options = ['-DATTUNE_TESTS=ON', '-DCMAKE_BUILD_TYPE=Release'];
options.push(`-DATTUNE_SANITIZE=${sanitize ? 'address,undefined' : ''}`);
options.push('-DATTUNE_CUDA=OFF'); // the addon's GPU library is used, where there is one
run('cmake', ['-S', root, '-B', build, ...generator(), ...options], { stdio: 'pipe' });
const jobs = String(Math.min(2, availableParallelism()));
run('cmake', ['--build', build, '--target', target, '--parallel', jobs], {
  stdio: ['ignore', 2, 2], // results alone go to stdout
});
// A test asks for more memory than there is, which the sanitizer would end the process for.
const env = {
  ASAN_OPTIONS: 'allocator_may_return_null=1',
  ATTUNE_CUDA_LIBRARY: join(root, 'build/Release/libattune_cuda.so'),
  ...(sanitize ? { ATTUNE_CUDA: '0' } : {}), // the driver's memory is not the sanitizer's
  ...process.env,
};
run(join(build, target), rest, { env });
