// Feeds one target with inputs, and says where it stands in shared memory: a thread that hangs or
// runs out of memory cannot say more.
import { parentPort, workerData } from 'node:worker_threads';
import { Mutator } from './mutate.ts';
import { Random } from './random.ts';
import type { Target } from './target.ts';
import { loadTarget } from './targets.ts';

export interface Work {
  target: string;
  inputs: number;
  seed: number;
  /** Inputs done, and the length of the one under way. */
  state: SharedArrayBuffer;
  current: SharedArrayBuffer;
}

export type Report =
  | { kind: 'finding'; message: string; input: Uint8Array }
  | { kind: 'done'; accepted: number; refused: number; outcomes: number };

/** Kinds of answers whose inputs are kept to make others of; more of those that were accepted. */
const mostKept = { accepted: 2000, refused: 200 };

/** What an answer says, without the parts that every input has of its own. */
function outcome(message: string): string {
  const words = message.replace(/"(?:[^"\\]|\\.)*"|'[^']*'/g, '_').match(/[a-z]{2,}/g) ?? [];
  return words.slice(0, 6).join(' ');
}

async function run({ target: name, inputs, seed, state, current }: Work): Promise<void> {
  const target: Target = await loadTarget(name);
  const done = new BigInt64Array(state);
  const shown = new Uint8Array(current);
  const corpus = target.seeds.map((each) => new Uint8Array(Buffer.from(each as Uint8Array)));
  const outcomes = new Set<string>();
  const mutator = new Mutator(new Random(seed), target, corpus);
  const kept = { accepted: 0, refused: 0 };
  let accepted = 0;
  let refused = 0;
  const finding = (error: unknown, input: Uint8Array) => {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    parentPort?.postMessage({ kind: 'finding', message, input } satisfies Report);
  };
  for (let i = 0; i < inputs; i++) {
    const input = i < target.seeds.length ? corpus[i]! : mutator.next();
    shown.set(input);
    Atomics.store(done, 1, BigInt(input.length));
    Atomics.store(done, 0, BigInt(i));
    let answer: string;
    let kind: keyof typeof mostKept = 'accepted';
    try {
      const found = target.run(input);
      answer = `accepted ${typeof found === 'string' ? found : await found}`;
      accepted++;
    } catch (error) {
      if (!target.refuses(error)) return finding(error, input);
      answer = (error as Error).message;
      kind = 'refused';
      refused++;
    }
    const key = outcome(answer);
    const known = outcomes.has(key);
    outcomes.add(key);
    // Of inputs that were accepted some are kept for themselves: they lie behind the first checks.
    const keep = !known || (kind === 'accepted' && accepted % 64 === 0);
    if (!keep || i < target.seeds.length || kept[kind] >= mostKept[kind]) continue;
    kept[kind]++;
    corpus.push(input.slice());
  }
  const report: Report = { kind: 'done', accepted, refused, outcomes: outcomes.size };
  parentPort?.postMessage(report);
}

await run(workerData as Work);
