/** What keeps a GPU from being used has its own words, and the processor trains all the same. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { temporary } from './shared.ts';

const root = join(import.meta.dirname, '../..');
const library = join(root, 'build/Release/libattune_cuda.so');
const dir = temporary();

/** A shared library made of C. */
function compile(name: string, source: string, ...flags: string[]): string {
  const path = join(dir, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(`${path}.c`, source);
  const args = ['-shared', '-fPIC', ...flags, '-o', path, `${path}.c`];
  const { status, stderr } = spawnSync('cc', args, { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  return path;
}

/** A driver for CUDA `version` that finds no GPU, found before any other: its folder. */
function driver(version: number): string {
  const source = `
#include <string.h>
int cuInit(unsigned flags) { return 100; }
int cuDriverGetVersion(int* version) { *version = ${version}; return 0; }
static int none(void) { return 100; }
int cuGetProcAddress_v2(const char* name, void** found, int version, unsigned long long flags, int* status) {
  *found = !strcmp(name, "cuInit") ? (void*)cuInit
         : !strcmp(name, "cuDriverGetVersion") ? (void*)cuDriverGetVersion
         : !strncmp(name, "cuGetProcAddress", 16) ? (void*)cuGetProcAddress_v2 : (void*)none;
  if (status) *status = 0;
  return 0;
}
int cuGetProcAddress(const char* name, void** found, int version, unsigned long long flags) {
  return cuGetProcAddress_v2(name, found, version, flags, 0);
}`;
  return join(compile(`driver-${version}/libcuda.so.1`, source, '-Wl,-soname,libcuda.so.1'), '..');
}

/** The step in a process of its own; the GPU's absence is `expected`, and nothing else differs. */
function trains(env: Record<string, string>, expected: RegExp): void {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, 'device-step.ts')],
    { cwd: root, encoding: 'utf8', env: { ...process.env, ...env } },
  );
  assert.is(status, 0, stderr);
  const said = JSON.parse(stdout);
  assert.match(said.absence, expected);
  assert.is(said.message, `device: cuda: no GPU can be used: ${said.absence}`);
  assert.equal([said.ids, said.applied], [['cpu'], true]);
  assert.ok(said.after < said.before);
}

test('switched off', () => {
  trains({ ATTUNE_CUDA: '0' }, /^switched off by ATTUNE_CUDA=0$/);
});

const compiles = spawnSync('cc', ['--version']).status === 0 && process.platform === 'linux';
if (!compiles) console.log('SKIPPED 4: no C compiler, or not Linux');
if (compiles) {
  const driven = { LD_LIBRARY_PATH: driver(13000) };

  test('no library', () => {
    trains({ ...driven, ATTUNE_CUDA_LIBRARY: '/none/gpu.so' }, /not built \(no \/none\/gpu\.so\)/);
  });

  test('a library that does not load, or is none of ours', () => {
    const path = join(dir, 'text.so');
    writeFileSync(path, 'not a library');
    trains({ ...driven, ATTUNE_CUDA_LIBRARY: path }, /^the GPU library does not load: .*text\.so/);
    const other = compile('other.so', 'int other;');
    trains({ ...driven, ATTUNE_CUDA_LIBRARY: other }, /other\.so is no GPU library of attune$/);
  });

  test('a library of another version', () => {
    const source = 'const char* attune_cuda_version(void) { return "0.0.0-other"; }';
    trains(
      { ...driven, ATTUNE_CUDA_LIBRARY: compile('old.so', source) },
      /old\.so was built for version 0\.0\.0-other, this is \d+\.\d+\.\d+-[0-9a-f]{12}; build both together: npm run build$/,
    );
  });

  if (!existsSync(library)) {
    console.log('SKIPPED 1: the GPU library is not built here: a driver without GPUs, or too old');
  } else {
    test('a driver that finds no GPU, or is too old', () => {
      trains({ ...driven, CUDA_VISIBLE_DEVICES: '' }, /^the NVIDIA driver finds no GPU$/);
      trains(
        { LD_LIBRARY_PATH: driver(11040) },
        /^the NVIDIA driver is too old: it supports CUDA 11\.4, the GPU library needs 1[23]\.0 or later$/,
      );
    });
  }
}

/**
 * What a library holds for GPUs: `sm_80` machine code, `sm_90a` with the instructions of that chip
 * alone, `compute_80` PTX. Each image begins with 16 bytes (a magic number, a version, its own size,
 * the size of what follows) and holds parts, each with its kind, sizes, architecture and flags.
 */
function architectures(file: Buffer): Map<string, number> {
  const magic = Buffer.from('50ed55ba01001000', 'hex');
  const found = new Map<string, number>();
  for (let image = file.indexOf(magic); image >= 0; image = file.indexOf(magic, image + 16)) {
    const end = image + 16 + Number(file.readBigUInt64LE(image + 8));
    for (let part = image + 16; part < end; ) {
      const machineCode = file.readUInt16LE(part) === 2;
      const chipAlone = (file.readBigUInt64LE(part + 0x28) & 0x100000n) !== 0n;
      const name = `${machineCode ? 'sm' : 'compute'}_${file.readUInt32LE(part + 0x1c)}${chipAlone ? 'a' : ''}`;
      found.set(name, (found.get(name) ?? 0) + 1);
      part += file.readUInt32LE(part + 4) + Number(file.readBigUInt64LE(part + 8));
    }
  }
  return found;
}

const unread = !existsSync(library)
  ? 'the GPU library is not built here'
  : spawnSync('nm', ['--version']).status !== 0 && 'nm is not installed';
if (unread) {
  console.log(`SKIPPED 1: ${unread}: its names`);
} else {
  test('the library shows its entry points alone', () => {
    const { stdout } = spawnSync('nm', ['-D', '--defined-only', library], { encoding: 'utf8' });
    const names = [...stdout.matchAll(/ [A-Z] (\S+)$/gm)].map((match) => match[1]);
    const own = ['devices', 'make_backend', 'version'].map((name) => `attune_cuda_${name}`);
    assert.equal(names.sort(), own);
  });
}

if (!existsSync(library)) {
  console.log('SKIPPED 1: the GPU library is not built here: its architectures');
} else {
  test('the library has every kernel for every architecture', () => {
    const found = architectures(readFileSync(library));
    assert.equal([...found.keys()].sort(), ['compute_80', 'sm_80', 'sm_86', 'sm_89', 'sm_90a']);
    assert.is(new Set(found.values()).size, 1, JSON.stringify([...found]));
  });
}

test.run();
