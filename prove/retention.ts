/**
 * Pruning never removes the newest checkpoint that is whole, the best one, or what the run did not make, and
 * leaves no more than it should: random sequences of checkpoints that are published, damaged, deleted and
 * pruned, among those of another run, copies, links and folders of nobody. Every sequence is played with
 * what pruning decides; one of two hundred on real files too, of which exactly the same must be left.
 */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { CheckpointStore, Fact } from '../src/checkpoint/store.ts';
import { built, main, type ProofOptions, random, type Verdict, workspace } from './lib/proof.ts';

type Store = typeof import('../src/checkpoint/store.ts');

/** Something in an output directory that is named like a checkpoint. */
interface Entry {
  /** Of its manifest, or null for a folder of nobody. */
  made: { run: string; step: number } | null;
  /** Whether the run put it there, under this name. */
  own: boolean;
  /** Whether the manifest can be read, and whether every byte is as written. */
  listed: boolean;
  whole: boolean;
  /** The name that a link leads to. */
  link: string | null;
}
type Directory = Map<string, Entry>;

const DAMAGE = ['grow', 'cut', 'lose', 'unlist', 'delete'] as const;
type Action =
  | { kind: 'publish'; run: string; step: number }
  | { kind: (typeof DAMAGE)[number]; name: string }
  | { kind: 'copy' | 'link' | 'folder'; name: string; from: string }
  | { kind: 'prune'; keep: number; best: number | null };

const RUN = 'a';
const LENGTH = 24;

/** An action that makes sense where `directory` is as it is; steps of a run grow. */
function anyAction(directory: Directory, last: number, next: () => number): Action {
  const below = (count: number) => Math.floor(next() * count);
  const folders = [...directory].filter(([, { link }]) => link === null);
  const [name, entry] = folders[below(folders.length)] ?? [];
  const kind = below(16);
  if (kind < 6 || name === undefined) {
    return { kind: 'publish', run: below(5) === 0 ? 'other' : RUN, step: last + 1 + below(3) };
  }
  if (kind < 8) return { kind: entry!.whole ? DAMAGE[below(5)]! : 'delete', name };
  if (kind === 8) {
    // Numbers above and below those of the run, and another spelling of one.
    const number = [String(1000 + last), String(below(last)), `0${last}`][below(3)];
    const way = (['copy', 'link', 'folder'] as const)[below(3)]!;
    const taken = directory.has(`checkpoint-${number}`);
    return taken
      ? { kind: 'delete', name }
      : { kind: way, name: `checkpoint-${number}`, from: name };
  }
  const best = below(3) === 0 ? null : (entry!.made?.step ?? null);
  return { kind: 'prune', keep: below(5), best };
}

/** What an action but `prune` does to a directory that is thought of. */
function imagine(directory: Directory, action: Exclude<Action, { kind: 'prune' }>): void {
  const { kind } = action;
  if (kind === 'publish') {
    const { run, step } = action;
    const own = run === RUN;
    const made = { run, step };
    directory.set(`checkpoint-${step}`, { made, own, listed: true, whole: true, link: null });
    return;
  }
  const { name } = action;
  if (kind === 'copy') {
    const from = directory.get(action.from)!;
    // A copy that is put back under the name that the run gave is the run's again.
    const own = from.made?.run === RUN && name === `checkpoint-${from.made.step}`;
    directory.set(name, { ...from, own });
  } else if (kind === 'link' || kind === 'folder') {
    const link = kind === 'link' ? action.from : null;
    directory.set(name, { made: null, own: false, listed: false, whole: false, link });
  } else if (kind === 'delete') directory.delete(name);
  else {
    const entry = directory.get(name)!;
    entry.whole = false;
    if (kind === 'unlist') entry.listed = false;
  }
}

/** The same, to one of real files. */
async function act(store: CheckpointStore, action: Exclude<Action, { kind: 'prune' }>) {
  const { kind } = action;
  if (kind === 'publish') {
    const { run, step } = action;
    const files = ['model.safetensors', 'trainer_state.json'];
    const contents = files.map((name) => ({ name, bytes: Buffer.alloc(16, `${step} ${name}`) }));
    await store.publish(run, step, contents, { tell: () => {} });
    return;
  }
  const path = join(store.dir, action.name);
  const file = join(path, 'model.safetensors');
  if (kind === 'grow') appendFileSync(file, 'x');
  else if (kind === 'cut') truncateSync(file, 3);
  else if (kind === 'lose') rmSync(join(path, 'trainer_state.json'));
  else if (kind === 'unlist') appendFileSync(join(path, 'manifest.json'), 'x');
  else if (kind === 'delete') rmSync(path, { recursive: true });
  else if (kind === 'copy') cpSync(join(store.dir, action.from), path, { recursive: true });
  else if (kind === 'link') symlinkSync(action.from, path);
  else {
    mkdirSync(path);
    writeFileSync(join(path, 'notes.txt'), 'mine');
  }
}

/** What a link leads to, which may have become a link since. */
function resolved(directory: Directory, entry: Entry): Entry | undefined {
  if (entry.link === null) return entry;
  const target = directory.get(entry.link);
  return target && resolved(directory, target);
}

function facts(directory: Directory): Fact[] {
  return [...directory].map(([name, entry]) => {
    const shown = resolved(directory, entry);
    return { name, isLink: entry.link !== null, manifest: shown?.listed ? shown.made : null };
  });
}

/** What is wrong with what pruning has left; null for nothing. */
function fault(before: Directory, after: Directory, keep: number, best: number | null) {
  const gone = [...before].filter(([name]) => !after.has(name));
  const whole = (directory: Directory) =>
    [...directory.values()].filter(({ own, whole }) => own && whole).map(({ made }) => made!.step);
  const newest = Math.max(...whole(before));
  if (gone.some(([, { own }]) => !own)) return 'what the run did not make was removed';
  if (gone.some(([name]) => name === `checkpoint-${newest}`))
    return 'the newest whole one was removed';
  if (gone.some(([name]) => name === `checkpoint-${best}`)) return 'the best was removed';
  const most = Math.max(1, keep) + Number(best !== null);
  return whole(after).length > most ? `more than ${most} whole ones were left` : null;
}

interface Tally {
  prunes: number;
  removed: number;
  refused: number;
}

/** Plays a sequence; on real files too where there is a store. Returns what went wrong. */
async function play(
  { retention, problemOf }: Store,
  next: () => number,
  store: CheckpointStore | null,
  tally: Tally,
): Promise<string | null> {
  const directory: Directory = new Map();
  let last = 0;
  for (let i = 0; i < LENGTH; i++) {
    const action = anyAction(directory, last, next);
    if (action.kind === 'publish') last = action.step;
    if (action.kind !== 'prune') {
      imagine(directory, action);
      if (store) await act(store, action);
      continue;
    }
    const { keep, best } = action;
    const before = new Map(directory);
    const { newest, excess } = retention(facts(directory), RUN, keep, best);
    const refused = excess.length > 0 && !directory.get(`checkpoint-${newest}`)?.whole;
    if (!refused) for (const step of excess) directory.delete(`checkpoint-${step}`);
    tally.prunes++;
    tally.removed += before.size - directory.size;
    tally.refused += Number(refused);
    const wrong = refused ? null : fault(before, directory, keep, best);
    if (wrong !== null) return wrong;
    if (!store) continue;
    const threw = await store.prune(RUN, keep, best).then(
      () => false,
      () => true,
    );
    if (threw !== refused) return `real files: ${threw ? 'refused' : 'not refused'}`;
    const left = readdirSync(store.dir).filter((name) => name.startsWith('checkpoint-'));
    if (left.sort().join() !== [...directory.keys()].sort().join()) return `left: ${left}`;
  }
  for (const [name, entry] of store ? directory : []) {
    const problem = await problemOf(join(store!.dir, name));
    if ((problem === null) !== (resolved(directory, entry)?.whole ?? false)) {
      return `${name}: ${problem ?? 'whole, and should not be'}`;
    }
  }
  if (store === null) return null;
  const usable = [...directory].flatMap(([name, entry]) => {
    const shown = resolved(directory, entry);
    const number = Number(name.slice('checkpoint-'.length));
    return shown?.whole && shown.made?.step === number ? [number] : [];
  });
  const taken = (await store.newest(Number.POSITIVE_INFINITY, () => {}).catch(() => null))?.step;
  const newest = usable.length > 0 ? Math.max(...usable) : undefined;
  return taken === newest ? null : `resumed from ${taken}, and the newest is ${newest}`;
}

export async function proveRetention({ trials, seed, short }: ProofOptions): Promise<Verdict> {
  const store = await built<Store>('checkpoint/store.js');
  const dir = workspace();
  const tally: Tally = { prunes: 0, removed: 0, refused: 0 };
  const faults: string[] = [];
  const every = short ? 250 : 200;
  let real = 0;
  for (let trial = 0; trial < trials; trial++) {
    const isReal = trial % every === 0;
    const output = join(dir, 'run');
    if (isReal) {
      real++;
      if (existsSync(output)) rmSync(output, { recursive: true });
      mkdirSync(output);
    }
    const next = random(seed * 0x9e3779b1 + trial * 0x85ebca6b);
    const wrong = await play(store, next, isReal ? new store.CheckpointStore(output) : null, tally);
    if (wrong !== null) faults.push(`sequence ${trial}: ${wrong}`);
  }
  const { prunes, removed, refused } = tally;
  return {
    line:
      `retention: ${faults.length} of ${trials} sequences of ${LENGTH} actions broke a promise ` +
      `(${real} of them on real files): ${prunes} prunings removed ${removed} checkpoints, ${refused} refused ` +
      `beside a damaged newest${faults
        .map((text) => `; ${text}`)
        .slice(0, 3)
        .join('')}`,
    holds: faults.length === 0 && removed > 0 && refused > 0,
  };
}

await main(import.meta.url, 1_000_000, proveRetention);
