/** What code must never contain: a way to end the process, a model family, raw launches. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { descriptors } from '../../src/arch/index.ts';
import { code, filesBelow, type SourceFile } from './tree.ts';

const PROCESS_ENDS = /\b(?:exit|_exit|quick_exit|abort|terminate|assert)\s*\(/;
const LAUNCH = /<<</;
const STANDARD_OUTPUT = /\b(?:printf|puts|std::cout|std::cerr)\b/;

function lines(files: SourceFile[], pattern: RegExp): string[] {
  return files.flatMap(({ path, text }) =>
    code(text)
      .split('\n')
      .flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
  );
}

/** Connects, starts a program, or makes one of text. */
const OUTSIDE =
  /\bfetch\(|\bWebSocket\b|@huggingface\/hub|'node:(?:child_process|cluster|dgram|dns|http|inspector|net|tls|vm)|\beval\(|\bnew Function\b/;
const OUTSIDE_NATIVE = /\b(?:socket|connect|getaddrinfo|popen|system|execv\w*|fork)\s*\(/;

/** Of a module itself, not of a function in it. */
const MODULE_AWAITS = /^(?:(?:export )?(?:const|let) .*= )?(?:for )?await\b/;

const native = filesBelow('native', ['.h', '.cpp', '.cc', '.cu']);

test('nothing ends the process', () => {
  assert.equal(lines(native, PROCESS_ENDS), []);
});

test('nothing prints but programs', () => {
  const library = native.filter(({ path }) => !/^native\/tools\/\w+_main\.cpp$/.test(path));
  assert.equal(lines(library, STANDARD_OUTPUT), []);
});

test('kernels are started in one place, with a name of their own each', () => {
  assert.equal(
    [...new Set(lines(native, LAUNCH).map((line) => line.split(':')[0]))],
    ['native/backend/cuda/launch.h'],
  );
  // Each family of kernels has one file, where its name stands as scripts/kernels.mjs looks for it.
  const files = new Map<string, string>();
  for (const { path, text } of filesBelow('native', ['.cu'])) {
    assert.not.match(code(text), /\blaunch\((?!\s*runtime,\s*"")/, path);
    for (const [, name] of text.matchAll(/\(\s*runtime,\s*"([a-z0-9_]+)"/g)) {
      assert.is(files.get(name!) ?? path, path, name);
      files.set(name!, path);
    }
  }
});

test('kernels add no floats in an order of chance, and take shared memory in one place', () => {
  assert.equal(lines(filesBelow('native', ['.cu']), /__shared__|atomicAdd\(\s*\(?float/), []);
});

test('no model family has a name', () => {
  const families = new RegExp(
    `\\b(?:${descriptors.map(({ family }) => family).join('|')})\\b`,
    'i',
  );
  assert.equal(lines(native, families), []);
});

test('the environment is read in one place on each side', () => {
  const readers = (files: SourceFile[], pattern: RegExp) =>
    files.filter(({ text }) => pattern.test(code(text))).map(({ path }) => path);
  assert.equal(readers(filesBelow('src', ['.ts']), /process\.env/), ['src/env.ts']);
});

test('only programs await while they are loaded', () => {
  // A thread that is ended in that moment takes its process with it: a check of V8's fails.
  const programs = ['src/cli.ts'];
  const modules = filesBelow('src', ['.ts']).filter(({ path }) => !programs.includes(path));
  assert.equal(lines(modules, MODULE_AWAITS), []);
});

test('nothing connects but the hub, nothing starts a process but isolation and the benchmarks', () => {
  const files = lines(filesBelow('src', ['.ts']), OUTSIDE).map((line) => line.split(':')[0]!);
  assert.equal([...new Set(files)].sort(), [
    'src/cli/bench.ts',
    'src/hub/download.ts',
    'src/hub/listing.ts',
    'src/train/isolate.ts',
  ]);
  assert.equal(lines(native, OUTSIDE_NATIVE), []);
});

test('each rule can fail', () => {
  const bad = (text: string) => [{ path: 'x.cpp', text }];
  assert.is(lines(bad("import { connect } from 'node:net';"), OUTSIDE).length, 1);
  assert.is(lines(bad('const page = await fetch(url);'), OUTSIDE).length, 1);
  assert.is(lines(bad('if (system("ls")) return;'), OUTSIDE_NATIVE).length, 1);
  assert.is(lines(bad('if (bad) abort();'), PROCESS_ENDS).length, 1);
  assert.is(lines(bad('// abort();'), PROCESS_ENDS).length, 0);
  assert.is(lines(bad('std::cout << 1;'), STANDARD_OUTPUT).length, 1);
  assert.is(lines(bad('const a = await b();'), MODULE_AWAITS).length, 1);
  assert.is(lines(bad('  const a = await b();'), MODULE_AWAITS).length, 0);
});

test.run();
