// npm run prove:faults [-- --stride N --kind write]: every write, sync, rename, open and read of a training run
// fails once, the n-th for n = 1, 2, … until there is none, and so does every allocation. A run goes
// on, or ends with one line that names the file; the next run goes on from what is there and makes
// the same adapter, to the bit.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { attune, ROOT, workspace } from './lib/proof.ts';

const { values } = parseArgs({
  options: { stride: { type: 'string', default: '1' }, kind: { type: 'string' } },
});
const stride = Number(values.stride);

const program = attune();
const folder = workspace();
const output = join(folder, 'out');
// Beside the folder whose calls are counted.
const tools = workspace();
const counter = join(tools, 'count');
const shim = join(tools, 'shim.so');

const { EIO, ENOSPC, EMFILE, EACCES } = constants.errno;
const faults: readonly [kind: string, error: number, name: string][] = [
  ['write', EIO, 'EIO'],
  ['write', ENOSPC, 'ENOSPC'],
  ['write', 0, 'a short write'],
  ['sync', EIO, 'EIO'],
  ['rename', EIO, 'EIO'],
  ['rename', EACCES, 'EACCES'],
  ['open', EMFILE, 'EMFILE'],
  ['open', EACCES, 'EACCES'],
  ['read', EIO, 'EIO'],
  ['read', 0, 'a short read'],
];

interface Outcome {
  status: number | null;
  signal: string | null;
  errors: string;
  /** Calls of the kind that were made. */
  calls: number;
}

/** A short run in a process of its own, of whose calls the n-th fails. */
function train(kind: string, n: number, error: number): Outcome {
  writeFileSync(counter, Buffer.alloc(8));
  const words = [
    ...['train', '--model', join(folder, 'model'), '--train-file', join(folder, 'train.jsonl')],
    ...['--output-dir', output, '--max-steps', '2', '--save-steps', '1', '--logging-steps', '1'],
    ...['--per-device-train-batch-size', '4', '--lora-r', '4', '--resume-from-checkpoint', 'auto'],
  ];
  const { status, signal, stderr } = spawnSync(process.execPath, [program, ...words], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: 120_000,
    env: {
      ...process.env,
      OMP_NUM_THREADS: '1',
      LD_PRELOAD: shim,
      ATTUNE_CACHE: join(folder, 'cache'),
      ATTUNE_FAULT: kind,
      ATTUNE_FAULT_AT: String(n),
      ATTUNE_FAULT_ERROR: String(error),
      ATTUNE_FAULT_DIR: folder,
      ATTUNE_FAULT_COUNT: counter,
    },
  });
  return { status, signal, errors: stderr, calls: Number(readFileSync(counter).readBigUInt64LE()) };
}

function adapter(): string {
  const bytes = readFileSync(join(output, 'adapter_model.safetensors'));
  return createHash('sha256').update(bytes).digest('hex');
}

/** What is wrong with how a run ended; null for nothing. */
function problem({ status, signal, errors }: Outcome): string | null {
  if (signal) return `ended by ${signal}`;
  if (status === 0) return null;
  if (status !== 1 && status !== 2) return `ended with code ${status}`;
  if (/^\s+at /m.test(errors)) return `a stack trace:\n${errors}`;
  if (!errors.includes(folder)) return `an error that names no file:\n${errors}`;
  return null;
}

function fresh(): void {
  rmSync(output, { recursive: true, force: true });
  rmSync(join(folder, 'cache'), { recursive: true, force: true });
}

execFileSync('cc', [
  '-shared',
  '-fPIC',
  '-O2',
  '-o',
  shim,
  join(ROOT, 'prove/faults/shim.c'),
  '-ldl',
]);
cpSync(join(ROOT, 'examples/quickstart/base'), join(folder, 'model'), { recursive: true });
const rows = readFileSync(join(ROOT, 'examples/quickstart/train.jsonl'), 'utf8').split('\n');
writeFileSync(join(folder, 'train.jsonl'), `${rows.slice(0, 24).join('\n')}\n`);

fresh();
const whole = train('none', 0, 0);
if (whole.status !== 0) throw new Error(`the run without faults failed:\n${whole.errors}`);
const expected = adapter();

let failures = 0;
let total = 0;
for (const [kind, error, name] of faults) {
  if (values.kind && values.kind !== kind) continue;
  let goneOn = 0;
  let ended = 0;
  for (let n = 1; ; n += stride) {
    fresh();
    const outcome = train(kind, n, error);
    if (outcome.calls < n) break;
    total++;
    let wrong = problem(outcome);
    if (outcome.status === 0) goneOn++;
    else ended++;
    if (outcome.status === 0 && adapter() !== expected) wrong = 'another adapter';
    if (!wrong) {
      const next = train('none', 0, 0);
      if (next.status !== 0) wrong = `the next run failed:\n${next.errors}`;
      else if (adapter() !== expected) wrong = 'the next run made another adapter';
    }
    if (!wrong) continue;
    failures++;
    console.log(`${kind} ${n}, ${name}: ${wrong}`);
  }
  console.log(`${kind}, ${name}: ${goneOn} runs went on, ${ended} ended with an error`);
}

const memory = spawnSync(process.execPath, ['scripts/kernels.mjs', 'memory_faults'], {
  cwd: ROOT,
  encoding: 'utf8',
  env: { ...process.env, ATTUNE_FAULTS: 'all' },
});
const allocations = [...memory.stdout.matchAll(/(\d+) allocations failed/g)].map((m) =>
  Number(m[1]),
);
if (memory.status !== 0 || allocations.length === 0) {
  failures++;
  console.log(memory.stdout, memory.stderr);
}
console.log(
  `prove:faults: ${total} calls and ${allocations.reduce((a, b) => a + b, 0)} allocations failed, ` +
    `one at a time; ${failures} findings`,
);
process.exit(failures > 0 ? 1 : 0);
