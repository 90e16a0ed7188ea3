/**
 * Every write, sync, rename, open and read of a training run fails once, the n-th for n = 1, 2, … until
 * there is none, and so does every allocation. A run goes on, or ends with one line that names the file;
 * the next run goes on from what is there and makes the same adapter, to the bit. Two runs at a time,
 * each in a folder of its own. With `--trials N`, N calls at random instead.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import {
  attune,
  inLanes,
  main,
  type ProofOptions,
  ROOT,
  random,
  type Verdict,
  workspace,
} from './lib/proof.ts';

const { EIO, ENOSPC, EMFILE, EACCES } = constants.errno;
type Fault = readonly [kind: string, error: number, name: string];
const FAULTS: readonly Fault[] = [
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
/** Calls of most kinds that a run makes. */
const CALLS = 90;

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
  readonly #counter: string;
  readonly #shim: string;
  readonly #program = attune();
  /** What the adapter of every run is. */
  expected = '';

  /** `tools`: a folder beside those whose calls are counted, with the shim. */
  constructor(tools: string) {
    this.#counter = join(tools, `count-${this.#folder.split('-').at(-1)}`);
    this.#shim = join(tools, 'shim.so');
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
    const child = spawn(process.execPath, [this.#program, ...words], {
      cwd: ROOT,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 120_000,
      env: {
        ...process.env,
        OMP_NUM_THREADS: '1',
        LD_PRELOAD: this.#shim,
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
    if (!wrong && went && this.adapter() !== this.expected) wrong = 'another adapter';
    if (wrong) return { went, wrong };
    const next = await this.train('none', 0, 0);
    if (next.status !== 0) wrong = `the next run failed:\n${next.errors}`;
    else if (this.adapter() !== this.expected) wrong = 'the next run made another adapter';
    return { went, wrong };
  }
}

interface Attempt {
  /** Whether the run went on to its end. */
  went: boolean;
  wrong: string | null;
}

/** Every allocation of native code fails once: how many, and what is wrong. */
function failAllocations(): { failed: number; problem: string | null } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['scripts/kernels.mjs', 'memory_faults'],
    { cwd: ROOT, encoding: 'utf8', env: { ...process.env, ATTUNE_FAULTS: 'all' } },
  );
  const all = [...stdout.matchAll(/(\d+) allocations failed/g)].map((match) => Number(match[1]));
  const ok = status === 0 && all.length > 0;
  return { failed: all.reduce((a, b) => a + b, 0), problem: ok ? null : stdout + stderr };
}

export async function proveFaults({ trials, seed, short }: ProofOptions): Promise<Verdict> {
  const tools = workspace();
  const source = join(ROOT, 'prove/faults/shim.c');
  execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', join(tools, 'shim.so'), source, '-ldl']);
  const lanes = [new Lane(tools), new Lane(tools)];
  const whole = await lanes[0]!.train('none', 0, 0);
  if (whole.status !== 0) throw new Error(`the run without faults failed:\n${whole.errors}`);
  const expected = lanes[0]!.adapter();
  for (const lane of lanes) lane.expected = expected;

  const found = { went: 0, ended: 0, wrong: 0 };
  /** Whether there was such a call. */
  const attempt = async (lane: Lane, [kind, error, name]: Fault, n: number): Promise<boolean> => {
    const result = await lane.attempt(kind, n, error);
    if (result === null) return false;
    found[result.went ? 'went' : 'ended']++;
    if (result.wrong === null) return true;
    found.wrong++;
    console.error(`${kind} ${n}, ${name}: ${result.wrong}`);
    return true;
  };
  const inBoth = (work: (lane: Lane) => Promise<void>) =>
    inLanes(lanes.length, lanes.length, (lane) => work(lanes[lane]!));

  if (Number.isFinite(trials)) {
    const next = random(seed);
    // Early ones far more often: every kind has those.
    const chosen = Array.from({ length: trials }, (_, i) => {
      return [FAULTS[i % FAULTS.length]!, Math.floor(CALLS ** next())] as const;
    });
    await inBoth(async (lane) => {
      for (let each = chosen.pop(); each; each = chosen.pop()) await attempt(lane, ...each);
    });
  } else {
    for (const fault of FAULTS) {
      const before = { ...found };
      let n = 1;
      let over = false;
      await inBoth(async (lane) => {
        while (!over) over = !(await attempt(lane, fault, n++)) || over;
      });
      const [went, ended] = [found.went - before.went, found.ended - before.ended];
      console.error(`${fault[0]}, ${fault[2]}: ${went} runs went on, ${ended} ended with an error`);
    }
  }
  // Those of the short form are a test of native code.
  const memory = short ? { failed: 0, problem: null } : failAllocations();
  if (memory.problem !== null) console.error(memory.problem);
  const { went, ended, wrong } = found;
  return {
    holds: wrong === 0 && memory.problem === null && went > 0 && ended > 0,
    line: `faults: ${went + ended} calls and ${memory.failed} allocations failed, one at a time: ${went} runs went on, ${ended} ended with an error that names the file; ${wrong} findings`,
  };
}

await main(import.meta.url, Number.POSITIVE_INFINITY, proveFaults);
