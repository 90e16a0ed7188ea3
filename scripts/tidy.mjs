// clang-tidy over native code (`npm run lint:native`); skipped where it is not installed.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

if (spawnSync('clang-tidy', ['--version']).status !== 0) {
  console.log('SKIPPED 1: clang-tidy is not installed');
  process.exit(0);
}
const configure = ['-S', '.', '-B', 'build', '-DATTUNE_TESTS=ON'];
if (spawnSync('cmake', configure, { stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0)
  process.exit(1);
const { engine } = JSON.parse(readFileSync('native/sources.json', 'utf8'));
// Clang lacks the other compiler's omp.h; the pragmas change no finding.
const flags = ['-p', 'build', '--quiet', '--extra-arg=-fno-openmp'];
const { status } = spawnSync('clang-tidy', [...flags, ...engine], { stdio: 'inherit' });
process.exit(status ?? 1);
