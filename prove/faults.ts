// npm run prove:faults [-- --stride N --kind write]: every write, sync, rename, open and read of a training run
// fails once, the n-th for n = 1, 2, … until there is none, and so does every allocation. A run goes
// on, or ends with one line that names the file; the next run goes on from what is there and makes
// the same adapter, to the bit. Two runs at a time, each in a folder of its own.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { attune, inLanes, ROOT, workspace } from './lib/proof.ts';

const { values } = parseArgs({
  options: { stride: { type: 'string', default: '1' }, kind: { type: 'string' } },
});
const stride = Number(values.stride);

const program = attune();
// Beside the folders whose calls are counted.
const tools = workspace();
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

/** A place for one run at a time. */
class Lane {
  readonly #folder = workspace();
  readonly #output = join(this.#folder, 'out');
  readonly #cache = join(this.#folder, 'cache');
  readonly #counter = join(tools, `count-${this.#folder.split('-').at(-1)}`);

  constructor() {
    const base = join(ROOT, 'examples/quickstart');
    cpSync(join(base, 'base'), join(this.#folder, 'model'), { recursive: true });
    const rows = readFileSync(join(base, 'train.jsonl'), 'utf8').split('\n');
    writeFileSync(join(this.#folder, 'train.jsonl'), `${rows.slice(0, 24).join('\n')}\n`);
  }

  /** A short run in a process of its own, of whose calls the n-th fails. */
  async train(kind: string, n: number, error: number): Promise<Outcome> {
    writeFileSync(this.#counter, Buffer.alloc(8));
    const place = (name: string) => join(this.#folder, name);
    const words = [
      ...['train', '--model', place('model'), '--train-file', place('train.jsonl')],
      ...['--output-dir', this.#output, '--max-steps', '2', '--save-steps', '1'],
      ...['--logging-steps', '1', '--per-device-train-batch-size', '4', '--lora-r', '4'],
      ...['--dataset-num-proc', '1', '--resume-from-checkpoint', 'auto'],
    ];
    const child = spawn(process.execPath, [program, ...words], {
      cwd: ROOT,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 120_000,
      env: {
        ...process.env,
        OMP_NUM_THREADS: '1',
        LD_PRELOAD: shim,
        ATTUNE_CACHE: this.#cache,
        ATTUNE_FAULT: kind,
        ATTUNE_FAULT_AT: String(n),
        ATTUNE_FAULT_ERROR: String(error),
        ATTUNE_FAULT_DIR: this.#folder,
        ATTUNE_FAULT_COUNT: this.#counter,
      },
    });
    const [errors, [status, signal]] = await Promise.all([
      text(child.stderr),
      once(child, 'close'),
    ]);
    const calls = Number(readFileSync(this.#counter).readBigUInt64LE());
    return { status, signal, errors, calls };
  }

  adapter(): string {
    const bytes = readFileSync(join(this.#output, 'adapter_model.safetensors'));
    return createHash('sha256').update(bytes).digest('hex');
  }

  /** What is wrong with how a run ended; null for nothing. */
  problem({ status, signal, errors }: Outcome): string | null {
    if (signal) return `ended by ${signal}`;
    if (status === 0) return null;
    if (status !== 1 && status !== 2) return `ended with code ${status}`;
    if (/^\s+at /m.test(errors)) return `a stack trace:\n${errors}`;
    if (!errors.includes(this.#folder)) return `an error that names no file:\n${errors}`;
    return null;
  }

  clear(): void {
    rmSync(this.#output, { recursive: true, force: true });
    rmSync(this.#cache, { recursive: true, force: true });
  }

  /** Fails the n-th call, and runs once more. Null where there is no such call. */
  async attempt(kind: string, n: number, error: number): Promise<Attempt | null> {
    this.clear();
    const outcome = await this.train(kind, n, error);
    if (outcome.calls < n) return null;
    const went = outcome.status === 0;
    let wrong = this.problem(outcome);
    if (!wrong && went && this.adapter() !== expected) wrong = 'another adapter';
    if (wrong) return { went, wrong };
    const next = await this.train('none', 0, 0);
    if (next.status !== 0) wrong = `the next run failed:\n${next.errors}`;
    else if (this.adapter() !== expected) wrong = 'the next run made another adapter';
    return { went, wrong };
  }
}

interface Attempt {
  /** Whether the run went on to its end. */
  went: boolean;
  wrong: string | null;
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
const lanes = [new Lane(), new Lane()];
const whole = await lanes[0]!.train('none', 0, 0);
if (whole.status !== 0) throw new Error(`the run without faults failed:\n${whole.errors}`);
const expected = lanes[0]!.adapter();

let failures = 0;
let total = 0;
for (const [kind, error, name] of faults) {
  if (values.kind && values.kind !== kind) continue;
  const counts = { went: 0, ended: 0 };
  let next = 1;
  let over = false;
  await inLanes(lanes.length, lanes.length, async (lane) => {
    while (!over) {
      const n = next;
      next += stride;
      const found = await lanes[lane]!.attempt(kind, n, error);
      if (found === null) {
        over = true;
        return;
      }
      total++;
      counts[found.went ? 'went' : 'ended']++;
      if (found.wrong === null) continue;
      failures++;
      console.log(`${kind} ${n}, ${name}: ${found.wrong}`);
    }
  });
  console.log(
    `${kind}, ${name}: ${counts.went} runs went on, ${counts.ended} ended with an error ` +
      `(${Math.round(performance.now() / 1000)} s)`,
  );
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
