// clang-format over native code. `--check` only says which files differ; skipped where it is not installed.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

if (spawnSync('clang-format', ['--version']).status !== 0) {
  console.log('SKIPPED 1: clang-format is not installed');
  process.exit(0);
}
const files = ['native', 'test/native', 'bench/kernels'].flatMap((folder) =>
  readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => /\.(h|cpp|cc|cu)$/.test(path)),
);
const check = process.argv.includes('--check');
const { status } = spawnSync(
  'clang-format',
  [...(check ? ['--dry-run', '--Werror'] : ['-i']), ...files],
  {
    stdio: 'inherit',
  },
);
process.exit(status ?? 1);
