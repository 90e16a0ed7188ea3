// Installs what the machine lacks to build attune: a C++ compiler, CMake and oneDNN. Uses apt where
// it may; elsewhere says in one line what to install. oneDNN is optional: without it the built-in
// product is used, slower.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { hasHeaders, nvccMajor } from './cublas.mjs';

const has = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
const wanted = [
  { package: 'g++', present: has('c++') || has('g++') || has('clang++') },
  { package: 'cmake', present: has('cmake') },
  { package: 'make', present: has('make') || has('ninja') },
  {
    package: 'libdnnl-dev',
    optional: true,
    present: [
      '/usr/include/dnnl.hpp',
      '/usr/local/include/dnnl.hpp',
      '/opt/homebrew/include/dnnl.hpp',
    ].some(existsSync),
  },
];
// A GPU library is built where the tools for it are; nothing is downloaded for it unasked.
if (nvccMajor() > 0 && !hasHeaders())
  console.error(
    'setup: the GPU library needs the headers of cuBLAS: install the toolkit’s libcublas-dev, or pip install nvidia-cublas, or run: node scripts/cublas.mjs',
  );

const missing = wanted.filter((item) => !item.present);
if (missing.length === 0) process.exit(0);

const names = missing.map((item) => item.package);
const apt = (...args) =>
  spawnSync('apt-get', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  }).status === 0;
if (process.getuid?.() === 0 && has('apt-get')) {
  console.error(`setup: installing ${names.join(' ')}`);
  if (apt('install', '-y', '-qq', ...names)) process.exit(0);
  apt('update', '-qq');
  for (const item of missing) {
    if (apt('install', '-y', '-qq', item.package)) continue;
    console.error(`setup: ${item.package} could not be installed`);
    if (!item.optional) process.exitCode = 1;
  }
} else {
  console.error(
    `setup: please install: ${names.join(' ')} (Debian names; for example: sudo apt-get install ${names.join(' ')})`,
  );
  if (missing.some((item) => !item.optional)) process.exitCode = 1;
}
