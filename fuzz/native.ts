// The native parsers under libFuzzer with the address and undefined-behaviour sanitizers: each
// target is one file of fuzz/native, built with clang where that is installed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from './thread.ts';

interface NativeTarget {
  /** Sources of the product. */
  sources: readonly string[];
  /** Bytes of the longest input. */
  longest: number;
  /** Whether it takes the whole engine, which CMake builds for it. */
  engine?: boolean;
}

const text = ['merger', 'piece_cache', 'splitter', 'text_encoder', 'vocabulary'];

const targets: Readonly<Record<string, NativeTarget>> = {
  arguments: { sources: [], longest: 200 },
  engine: { sources: [], longest: 600, engine: true },
  record: { sources: ['tools/record.cpp'], longest: 2000 },
  splitter: { sources: ['text/splitter.cpp'], longest: 500 },
  tensor_file: { sources: ['io/tensor_file.cpp'], longest: 400 },
  text: { sources: text.map((name) => `text/${name}.cpp`), longest: 1000 },
};

const root = join(import.meta.dirname, '..');
const prefix = 'native-';

export const nativeNames: readonly string[] = Object.keys(targets).map((name) => prefix + name);

/** The newest clang that is installed, with the library that fuzzing takes; null where there is none. */
function findClang(): string | null {
  for (const name of ['clang++', ...[19, 18, 17, 16, 15, 14].map((v) => `clang++-${v}`)]) {
    const found = spawnSync(name, ['-print-runtime-dir'], { encoding: 'utf8' });
    if (found.status !== 0) continue;
    const dirs = [found.stdout.trim(), join(found.stdout.trim(), '../linux')];
    if (dirs.some((dir) => existsSync(dir) && readdirSync(dir).some(isFuzzer))) return name;
  }
  return null;
}

function isFuzzer(name: string): boolean {
  return /^libclang_rt\.fuzzer(-x86_64|-aarch64)?\.a$/.test(name);
}

const built = new Map<string, string | null>();

/**
 * What is compared is not noted for the mutations: inputs are decisions, not texts with words to be
 * found, and it is a third of the time.
 */
const level = ['-O1', '-fno-sanitize-coverage=trace-cmp'];

/** Builds a target's program; null where there is no clang. Throws what the compiler says. */
function build(name: string): string | null {
  const clang = findClang();
  if (clang === null) return null;
  const { sources, engine = false } = targets[name]!;
  const folder = join(root, '.cache/fuzz/native');
  mkdirSync(folder, { recursive: true });
  const program = join(folder, `${name}-${process.pid}`);
  process.on('exit', () => rmSync(program, { force: true }));
  const files = [`fuzz/native/${name}.cpp`, ...sources.map((source) => `native/${source}`)];
  const flags = [
    ...['-std=c++17', '-g1', '-Wall', '-Wextra', '-Inative', '-Ifuzz/native', ...level],
    ...['-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all'],
  ];
  if (engine) files.push(...buildEngine(clang, join(folder, 'engine')));
  const made = spawnSync(clang, [...flags, ...files, '-o', program], {
    cwd: root,
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`${name}: ${made.stderr}`);
  return program;
}

/** The engine as a library, its kernels for any processor alone; what to link. */
function buildEngine(clang: string, folder: string): string[] {
  const cmake = (...words: string[]) => {
    const { status, stdout, stderr } = spawnSync('cmake', words, { cwd: root, encoding: 'utf8' });
    if (status !== 0) throw new Error(`cmake: ${stdout.slice(-2000)}${stderr}`);
  };
  const options = {
    CMAKE_BUILD_TYPE: 'Release',
    CMAKE_CXX_COMPILER: clang,
    CMAKE_SYSTEM_NAME: 'Linux',
    CMAKE_SYSTEM_PROCESSOR: 'generic',
    CMAKE_DISABLE_FIND_PACKAGE_OpenMP: 'ON',
    ATTUNE_ONEDNN: 'OFF',
    ATTUNE_CUDA: 'OFF',
    ATTUNE_SANITIZE: 'fuzzer-no-link,address,undefined',
    ATTUNE_SANITIZE_FLAGS: level.join(';'),
  };
  const given = Object.entries(options).map(([name, value]) => `-D${name}=${value}`);
  cmake('-S', root, '-B', folder, ...given);
  cmake('--build', folder, '--target', 'attune_engine', '--parallel', '2');
  return [join(folder, 'libattune_engine.a'), '-ldl', '-lpthread'];
}

/** Inputs that reach all that is reached so far, one a line in base64. */
const seedsPath = (name: string) => join(root, `fuzz/native/seeds/${name}.txt`);

function unpackSeeds(name: string, corpus: string): void {
  const path = seedsPath(name);
  if (!existsSync(path)) return;
  for (const line of readFileSync(path, 'utf8').trim().split('\n')) {
    const input = Buffer.from(line, 'base64');
    writeFileSync(join(corpus, createHash('sha1').update(input).digest('hex')), input);
  }
}

/** Keeps of what was found new the fewest inputs that reach as much. */
export function packSeeds(target: string): void {
  const name = target.slice(prefix.length);
  const program = build(name);
  if (program === null) return;
  const corpus = join(root, '.cache/fuzz/corpus', name);
  const fewest = join(root, '.cache/fuzz/fewest', name);
  rmSync(fewest, { recursive: true, force: true });
  mkdirSync(fewest, { recursive: true });
  // Places that are reached, not how often: the fewest that are worth to be kept.
  spawnSync(
    program,
    ['-merge=1', '-use_counters=0', `-max_len=${targets[name]!.longest}`, fewest, corpus],
    {
      env: sanitizerEnv,
    },
  );
  const inputs = readdirSync(fewest).map((file) => readFileSync(join(fewest, file)));
  inputs.sort((a, b) => a.length - b.length || a.compare(b));
  mkdirSync(join(root, 'fuzz/native/seeds'), { recursive: true });
  writeFileSync(seedsPath(name), `${inputs.map((each) => each.toString('base64')).join('\n')}\n`);
  console.log(`${target}: ${inputs.length} inputs`);
}

/**
 * More memory than there is, is asked for and refused. What was freed is kept from use for the length of
 * several inputs, and no longer: with ever new memory most of the time goes into pages.
 */
const sanitizerEnv = {
  ...process.env,
  ATTUNE_MEMORY: '512', // MiB that an engine plans with
  ASAN_OPTIONS: 'allocator_may_return_null=1:quarantine_size_mb=8:malloc_context_size=5',
};

/** Runs one input that was kept, and shows what the sanitizers say; false where it is a finding. */
export function runNativeInput(target: string, path: string): boolean {
  const program = build(target.slice(prefix.length));
  if (program === null) throw new Error(`${target}: no clang with libFuzzer here`);
  return spawnSync(program, [path], { stdio: 'inherit', env: sanitizerEnv }).status === 0;
}

/**
 * Runs a target once; what is found new is kept in .cache/fuzz, for the next runs to begin with. Null
 * where there is no clang.
 */
export async function runNative(
  target: string,
  { inputs, seconds }: { inputs: number; seconds: number },
  seed: number,
): Promise<{
  inputs: number;
  accepted: number;
  outcomes: number;
  ends: number;
  finding: Finding | null;
} | null> {
  const name = target.slice(prefix.length);
  if (!built.has(name)) built.set(name, build(name));
  const program = built.get(name) ?? null;
  const nothing = { inputs: 0, accepted: 0, outcomes: 0, ends: 0, finding: null };
  if (program === null) {
    console.log(`SKIPPED 1: ${target}: no clang with libFuzzer here (apt-get install clang)`);
    return null;
  }
  const corpus = join(root, '.cache/fuzz/corpus', name);
  mkdirSync(corpus, { recursive: true });
  unpackSeeds(name, corpus);
  const kept = join(root, '.cache/fuzz', `${target}-${Date.now()}-`);
  const child = spawn(
    program,
    [
      corpus,
      ...[`-seed=${seed}`, `-runs=${inputs}`, `-max_total_time=${Math.ceil(seconds)}`],
      ...[`-max_len=${targets[name]!.longest}`, '-timeout=30', '-rss_limit_mb=2048'],
      '-malloc_limit_mb=1000000',
      // Short inputs first is for parsers of bytes: here one of a few bytes decides nothing. Energy by
      // the rareness of what was reached costs more than most inputs.
      ...['-len_control=0', '-entropic=0'],
      ...['-print_final_stats=1', '-verbosity=1', `-artifact_prefix=${kept}`],
    ],
    {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: sanitizerEnv,
    },
  );
  let said = '';
  child.stderr.on('data', (bytes) => {
    said = `${said}${bytes}`.slice(-20_000);
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const number = (pattern: RegExp) => Number(said.match(pattern)?.[1] ?? 0);
  const done = number(/number_of_executed_units: (\d+)/);
  const places = Math.max(
    0,
    ...[...said.matchAll(/cov: (\d+)/g)].map(([, count]) => Number(count)),
  );
  const path = said.match(/Test unit written to (\S+)/)?.[1];
  const input = path && existsSync(path) ? readFileSync(path) : new Uint8Array(0);
  const finding = code === 0 ? null : { message: said.slice(-4000), input };
  return { ...nothing, inputs: done, outcomes: places, finding };
}
