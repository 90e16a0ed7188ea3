// Feeds one target with inputs, in a thread or a process of its own, and says where it stands: one
// that hangs, dies or runs out of memory cannot say more.
import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { type Corpus, Mutator } from './mutate.ts';
import { Place, type PlaceData } from './place.ts';
import { Random } from './random.ts';
import type { Target } from './target.ts';
import { loadTarget } from './targets.ts';

export interface Work {
  target: string;
  inputs: number;
  /** Seconds after which it is enough. */
  seconds: number;
  seed: number;
  place: PlaceData;
  /** What workers before this one kept. */
  kept: readonly Kept[];
}

/** An input to make others of. */
export interface Kept {
  kind: 'accepted' | 'refused';
  input: Uint8Array;
}

export type Report =
  | { kind: 'kept'; kept: Kept }
  | { kind: 'finding'; message: string; input: Uint8Array }
  | { kind: 'done'; inputs: number; accepted: number; outcomes: number };

/** Kinds of answers whose inputs are kept to make others of; more of those that were accepted. */
const mostKept = { accepted: 2000, refused: 200 };
const longestKept = 1 << 13;

/** What an answer says, without the parts that every input has of its own. */
function outcome(message: string): string {
  const words = message.replace(/"(?:[^"\\]|\\.)*"|'[^']*'/g, '_').match(/[a-z]{2,}/g) ?? [];
  return words.slice(0, 6).join(' ');
}

async function run(work: Work): Promise<void> {
  const { target: name, inputs, seconds, seed, place: data, kept } = work;
  const target: Target = await loadTarget(name);
  const place = new Place(data);
  const seeds = target.seeds.map((each) => new Uint8Array(Buffer.from(each as Uint8Array)));
  const corpus: Corpus = { accepted: [...seeds], refused: [] };
  for (const { kind, input } of kept) corpus[kind].push(input);
  const outcomes = new Set<string>();
  const mutator = new Mutator(new Random(seed), target, corpus);
  let accepted = 0;
  const until = performance.now() + 1000 * seconds;
  // A refusal needs no stack: it is a good part of its cost.
  Error.stackTraceLimit = 0;
  let i = 0;
  for (; i < inputs && (i % 64 !== 0 || performance.now() < until); i++) {
    const input = seeds[i] ?? mutator.next();
    place.write({ done: i, accepted, input });
    let answer: string;
    let kind: keyof Corpus = 'accepted';
    try {
      const found = target.run(input);
      answer = `accepted ${typeof found === 'string' ? found : await found}`;
      accepted++;
    } catch (error) {
      if (!target.refuses(error)) return report(await findingOf(target, input, error));
      answer = (error as Error).message;
      kind = 'refused';
    }
    const key = kind === 'accepted' ? answer : outcome(answer);
    const known = outcomes.has(key);
    outcomes.add(key);
    // Of inputs that were accepted some are kept for themselves: they lie behind the first checks.
    const keep = !known || (kind === 'accepted' && accepted % 64 === 0);
    if (!keep || i < seeds.length || input.length > longestKept) continue;
    if (corpus[kind].length >= mostKept[kind]) continue;
    const copy = input.slice();
    corpus[kind].push(copy);
    if (target.contained) report({ kind: 'kept', kept: { kind, input: copy } });
  }
  report({ kind: 'done', inputs: i, accepted, outcomes: outcomes.size });
}

function report(message: Report): void {
  if (parentPort) parentPort.postMessage(message);
  else process.send?.(message, () => process.disconnect());
}

/** The input once more, for its stack. */
async function findingOf(target: Target, input: Uint8Array, first: unknown): Promise<Report> {
  Error.stackTraceLimit = 20;
  let error = first;
  try {
    await target.run(input);
  } catch (again) {
    error = again;
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { kind: 'finding', message, input };
}

await run((parentPort ? workerData : (await once(process, 'message'))[0]) as Work);
