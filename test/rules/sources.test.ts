/** Every native file is listed once; every op has a kernel file, a test and a place in the backend. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { filesBelow, ROOT } from './tree.ts';

const sources = JSON.parse(readFileSync(join(ROOT, 'native/sources.json'), 'utf8'));

test('native/sources.json lists every source once', () => {
  const { kernels, engine, addon, cuda, cuda_device, cuda_host, tools, programs } = sources;
  const lists = [kernels, engine, addon, cuda, cuda_device, cuda_host, tools, programs];
  const listed = lists.flat().sort();
  assert.equal(
    listed,
    filesBelow('native', ['.cpp', '.cc', '.cu']).map(({ path }) => path),
  );
  const tests = filesBelow('test/native', ['.cpp']).map(({ path }) => path);
  assert.equal([...sources.test].sort(), tests);
});

test('every op header has a CPU file and a test', () => {
  for (const { path } of filesBelow('native/ops', ['.h'])) {
    const op = basename(path, '.h');
    assert.ok(sources.kernels.includes(`native/backend/cpu/${op}.cpp`), `no kernel file for ${op}`);
    assert.ok(sources.test.includes(`test/native/ops/${op}_test.cpp`), `no test for ${op}`);
  }
});

test('binding.gyp reads the same list', () => {
  const print = (key: string) =>
    execFileSync(process.execPath, ['scripts/sources.cjs', key], { cwd: ROOT, encoding: 'utf8' });
  assert.equal(print('kernels').trim().split('\n'), sources.kernels);
  assert.match(readFileSync(join(ROOT, 'binding.gyp'), 'utf8'), /sources\.cjs kernels/);
});

test('kernels of different instruction sets share no symbol the linker could merge', () => {
  const objects = filesBelow('build/CMakeFiles', ['.cpp.o']).filter(({ path }) =>
    /attune_(portable|avx2|avx512)\.dir/.test(path),
  );
  if (spawnSync('nm', ['--version']).status !== 0) {
    console.log('SKIPPED 1: nm is not installed');
    return;
  }
  for (const { path } of objects) {
    const isa = path.match(/attune_(\w+)\.dir/)![1]!;
    const symbols = execFileSync('nm', ['-C', '--defined-only', join(ROOT, path)], {
      encoding: 'utf8',
    });
    const merged = symbols
      .split('\n')
      .filter((line) => / [WVu] (?!DW\.ref\.)/.test(line) && !line.includes(`attune::${isa}::`));
    assert.equal(merged, [], path);
  }
});

test.run();
