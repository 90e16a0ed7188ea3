// Brings a fresh clone to a built one: npm ci, setup, build; each only when needed.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Modification time of the newest file below `path`, in milliseconds. */
function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/** What fails has said what to do; this process ends with its code. */
const run = (command, ...args) => {
  console.error(`> ${[command, ...args].join(' ')}`);
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  if (error) console.error(error.message);
  process.exit(status || 1);
};

export function ready() {
  process.chdir(join(import.meta.dirname, '..'));
  if (newest('node_modules/.package-lock.json') < newest('package-lock.json'))
    run('npm', 'ci', '--no-audit', '--no-fund');
  const native = Math.max(newest('native'), newest('CMakeLists.txt'));
  if (newest('build/Release/attune.node') < native) {
    run(process.execPath, 'scripts/setup.mjs');
    run('npm', 'run', '--silent', 'build:native');
  }
  if (!existsSync('dist/cli.js') || newest('dist/cli.js') < newest('src'))
    run('npm', 'run', '--silent', 'build:ts');
}

if (process.argv[1] === import.meta.filename) ready();
