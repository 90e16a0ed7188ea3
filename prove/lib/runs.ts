import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { kebabCase } from '../../src/config/spelling.ts';
import { attune } from './proof.ts';

export type Options = Record<string, string | number | boolean>;

/** What a process finds around it. */
export interface Surroundings {
  env?: Record<string, string>;
  input?: boolean;
}

/** `attune train` in a process of its own. */
export class TrainProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  /** Everything it has said on stderr. */
  text = '';
  onLine: (line: string) => void = () => {};

  /** `input`: standard input stays open, and gives nothing. */
  constructor(options: Options, { env = {}, input = false }: Surroundings = {}) {
    const flags = Object.entries(options).flatMap(([key, value]) => [
      `--${kebabCase(key)}=${value}`,
    ]);
    this.#child = spawn(process.execPath, [attune(), 'train', ...flags], {
      stdio: [input ? 'pipe' : 'ignore', 'ignore', 'pipe'],
      env: { ...process.env, OMP_NUM_THREADS: '1', ...env },
    });
    this.#ended = once(this.#child, 'exit');
    createInterface({ input: this.#child.stderr! }).on('line', (line) => {
      this.text += `${line}\n`;
      this.onLine(line);
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** As the system ends a process that nobody can save, or with another signal. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal);
  }

  /** Its exit code; null where it was killed. */
  async ended(): Promise<number | null> {
    const [code] = await this.#ended;
    return code as number | null;
  }
}

/** Runs to the end. Throws what it said where it failed. */
export async function trainToEnd(options: Options): Promise<string> {
  const child = new TrainProcess(options);
  const code = await child.ended();
  if (code !== 0) throw new Error(`attune train ended with ${code}: ${child.text}`);
  return child.text;
}

/** Checkpoints that lie in an output directory, oldest first. */
export function checkpointSteps(dir: string): number[] {
  return readdirSync(dir)
    .map((name) => Number(/^checkpoint-(\d+)$/.exec(name)?.[1] ?? Number.NaN))
    .filter((step) => step >= 0)
    .sort((a, b) => a - b);
}

const TIMINGS = new Set(['tokens_per_second', 'step_seconds', 'eval_runtime', 'seconds']);
/** Different between two runs by their nature. */
const OWN = new Set([
  ...TIMINGS,
  'run',
  'output_dir',
  'resume_from_checkpoint',
  'save_steps',
  'rewind',
  'skip_batches',
  'isolate',
  'isolate_timeout',
]);

function without(names: ReadonlySet<string>, text: string): string {
  return JSON.stringify(JSON.parse(text, (key, value) => (names.has(key) ? undefined : value)));
}

const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/**
 * SHA-256 of everything that a run has led to, by what it is of: the result, and of the last
 * checkpoint weights, moments, masters, counters, cursor and sums; the rows of metrics.jsonl. Times
 * are left out.
 */
export function outcome(dir: string): Record<string, string> {
  const last = join(dir, `checkpoint-${checkpointSteps(dir).at(-1)}`);
  const found: Record<string, string> = {};
  for (const [label, folder] of [
    ['result', dir],
    ['checkpoint', last],
  ] as const) {
    for (const name of readdirSync(folder)) {
      if (!name.endsWith('.safetensors')) continue;
      found[`${label}/${name}`] = sha256(readFileSync(join(folder, name)));
    }
  }
  const state = join(last, 'trainer_state.json');
  if (existsSync(state)) found.state = sha256(without(OWN, readFileSync(state, 'utf8')));
  const rows = readFileSync(join(dir, 'metrics.jsonl'), 'utf8').trim().split('\n');
  found.metrics = sha256(rows.map((row) => without(TIMINGS, row)).join('\n'));
  return found;
}

/** What differs between two outcomes, by name. */
export function differences(a: Record<string, string>, b: Record<string, string>): string[] {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].filter((name) => a[name] !== b[name]);
}
