/**
 * No path leads out of its folder: hostile names in what others write (the index of a model's shards, the
 * manifest of a checkpoint, a repository's listing and what the cache keeps of it, an adapter), and links
 * in the folders of models, data, checkpoints and outputs. What lies outside must be as it was, not even read
 * (its times of access are watched), and its text must be in no result and no message.
 */
import {
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { AttuneError } from '../src/errors.ts';
import { commit, hashOf, startHub } from '../test/src/hub/server.ts';
import { hostileName } from './lib/names.ts';
import { built, main, type ProofOptions, random, type Verdict, workspace } from './lib/proof.ts';
import { writeTinyModel } from './lib/tiny.ts';

const SECRET = 'canary-7f3a';
const quiet = { tell: () => {} };

/** What lies outside: a whole model, tokenizer, adapter, data and checkpoint, all with the secret. */
class Outside {
  readonly dir: string;
  readonly #before: string;

  constructor(root: string) {
    this.dir = join(root, 'outside');
    writeTinyModel(this.dir, 'F32');
    for (const [name, text] of Object.entries({
      'rows.jsonl': `{"text":"${SECRET}"}\n`,
      'secret.json': `{"${SECRET}": 1, "eos_token_id": 1}`,
      'secret.txt': SECRET,
      'metrics.jsonl': `{"step":1,"loss":"${SECRET}"}\n`,
    })) {
      writeFileSync(join(this.dir, name), text);
    }
    // A link to a file of its own name is followed: what people make who keep weights elsewhere.
    for (const name of ['config.json', 'model.safetensors', 'tokenizer.json']) {
      cpSync(join(this.dir, name), join(this.dir, `their-${name}`));
    }
    this.#before = this.#state();
    this.rest();
  }

  /** Names, contents and links. */
  #state(): string {
    return readdirSync(this.dir)
      .sort()
      .map((name) => {
        const path = join(this.dir, name);
        const stat = lstatSync(path);
        return `${name} ${stat.isFile() ? readFileSync(path, 'base64') : stat.mode}`;
      })
      .join('\n');
  }

  /** From now on, reading shows. */
  rest(): void {
    for (const name of readdirSync(this.dir)) {
      utimesSync(join(this.dir, name), 1, 2);
    }
  }

  /** What was done to it since the last time; null for nothing. */
  touched(): string | null {
    const read = readdirSync(this.dir).filter(
      (name) => lstatSync(join(this.dir, name)).atimeMs !== 1000,
    );
    const changed = this.#state() !== this.#before;
    this.rest();
    if (changed) return 'something outside was changed';
    return read.length > 0 ? `read outside: ${read}` : null;
  }
}

/** One thing that is done with a hostile name or link; a result is what it has read. */
type Attempt = () => Promise<unknown> | unknown;

interface Found {
  refused: number;
  inside: number;
  faults: string[];
}

/** Makes attempts, and watches what lies outside. */
async function attempt(what: string, outside: Outside, found: Found, run: Attempt): Promise<void> {
  let text = '';
  try {
    text = JSON.stringify((await run()) ?? null);
    found.inside++;
  } catch (error) {
    const { name, code, message } = error as AttuneError;
    text = message;
    if (name !== 'AttuneError') found.faults.push(`${what}: ${name} ${code}: ${message}`);
    found.refused++;
  }
  const touched = outside.touched();
  if (touched !== null) found.faults.push(`${what}: ${touched}`);
  if (text.includes(SECRET)) found.faults.push(`${what}: the secret is told`);
}

/** Everything below a folder, links as what they are. */
function tree(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

const modules = async () => ({
  ...(await built<typeof import('../src/checkpoint/checkpoint.ts')>('checkpoint/checkpoint.js')),
  ...(await built<typeof import('../src/checkpoint/store.ts')>('checkpoint/store.js')),
  ...(await built<typeof import('../src/checkpoint/manifest.ts')>('checkpoint/manifest.js')),
  ...(await built<typeof import('../src/checkpoint/durable.ts')>('checkpoint/durable.js')),
  ...(await built<typeof import('../src/checkpoint/lock.ts')>('checkpoint/lock.js')),
  ...(await built<typeof import('../src/checkpoint/save.ts')>('checkpoint/save.js')),
  ...(await built<typeof import('../src/data/files.ts')>('data/files.js')),
  ...(await built<typeof import('../src/hub/snapshot.ts')>('hub/snapshot.js')),
  ...(await built<typeof import('../src/tokenizer/files.ts')>('tokenizer/files.js')),
  ...(await built<typeof import('../src/train/metrics.ts')>('train/metrics.js')),
  ...(await built<typeof import('../src/train/model.ts')>('train/model.js')),
  ...(await built<typeof import('../src/train/quarantine.ts')>('train/quarantine.js')),
  ...(await built<typeof import('../src/train/runfile.ts')>('train/runfile.js')),
});
type Modules = Awaited<ReturnType<typeof modules>>;

/** The folder `name` of a trial, new. */
function folder(root: string, name: string): string {
  const dir = join(root, 'inside', name);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  return dir;
}

/** Attempts with names that are written in files. */
function nameAttempts(m: Modules, root: string, outside: string, next: () => number) {
  const model = writeTinyModel(folder(root, 'model'), 'F32');
  const shard = hostileName(model, join(outside, 'model.safetensors'), '.safetensors', next);
  rmSync(join(model, 'model.safetensors'));
  const index = { weight_map: { 'model.norm.weight': shard } };
  writeFileSync(join(model, 'model.safetensors.index.json'), JSON.stringify(index));

  const checkpoint = folder(root, 'checkpoint-1');
  const target = readFileSync(join(outside, 'secret.txt'));
  const file = hostileName(checkpoint, join(outside, 'secret.txt'), '.txt', next);
  const manifest = { format: 1, run: 'a', step: 1, files: { [file]: m.stampOf(target) } } as const;
  writeFileSync(join(checkpoint, m.MANIFEST), m.manifestText(manifest));

  const data = folder(root, 'data');
  const rows = hostileName(data, join(outside, 'rows.jsonl'), '.jsonl', next);
  return {
    [`index ${JSON.stringify(shard)}`]: async () => [
      ...(await m.openCheckpoint(model)).tensors.keys(),
    ],
    [`manifest ${JSON.stringify(file)}`]: async () => {
      const problem = await m.problemOf(checkpoint);
      if (problem === null) throw new Error('it is taken for whole');
      throw new AttuneError('checkpoint', problem);
    },
    // What a user names is where data are; a name with a part that the system forbids is refused.
    [`train_file ${JSON.stringify(rows)}`]: () => {
      return m.listFiles([`${data}/${rows.replaceAll(/\.\.|^\//g, '_')}`]);
    },
  };
}

/** Attempts with a link in the place of a file, which leads to `target` outside. */
function linkAttempts(m: Modules, root: string, outside: string, next: () => number) {
  const any = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;
  const model = writeTinyModel(folder(root, 'linked'), 'F32');
  const [name, target] = any([
    ['config.json', 'their-config.json'],
    ['generation_config.json', 'secret.json'],
    ['model.safetensors', 'their-model.safetensors'],
    ['model.safetensors.index.json', 'secret.json'],
    ['tokenizer.json', 'their-tokenizer.json'],
    ['tokenizer.model', 'secret.txt'],
    ['chat_template.jinja', 'secret.txt'],
    ['special_tokens_map.json', 'secret.json'],
    ['added_tokens.json', 'secret.json'],
  ]);
  link(any, outside, target, join(model, name));
  const extras = ['generation_config.json', 'tokenizer.model'].map((each) => join(model, each));

  const adapter = folder(root, 'adapter');
  const whole = writeTinyModel(folder(root, 'whole'), 'F32');
  const settings = { peft_type: 'LORA', r: 1, lora_alpha: 1, target_modules: ['../../x'] };
  const base = { base_model_name_or_path: outside };
  writeFileSync(join(adapter, 'adapter_config.json'), JSON.stringify({ ...settings, ...base }));
  const half = any(['adapter_model.safetensors', 'adapter_config.json']);
  rmSync(join(adapter, half), { force: true });
  link(
    any,
    outside,
    half.endsWith('json') ? 'secret.json' : 'their-model.safetensors',
    join(adapter, half),
  );

  const data = folder(root, 'rows');
  link(any, outside, any(['rows.jsonl', '.']), join(data, 'a.jsonl'));
  return {
    [`link ${name}`]: async () => {
      const { tensors, config } = await m.openCheckpoint(model);
      const tokenizer = m.readTokenizerFiles(model);
      const copies = await m.copiedFiles(extras, join(root, 'inside', 'copies'));
      const bytes = await Promise.all(copies.map((copy) => copy.bytes()));
      return [[...tensors.keys()], config, tokenizer, bytes.map(String)];
    },
    [`adapter's ${half}`]: () => m.openModel(whole, adapter),
    'linked rows': () => m.listFiles([data]).map(({ path }) => readFileSync(path, 'utf8')),
  };
}

/** A link in one, two or three steps. */
function link(any: <T>(list: readonly T[]) => T, outside: string, target: string, path: string) {
  rmSync(path, { force: true });
  const steps = any([1, 2, 3]);
  let last = join(outside, target);
  for (let step = 1; step < steps; step++) {
    const next = `${path}.${step}`;
    symlinkSync(last, next);
    last = next;
  }
  symlinkSync(last, path);
}

/** A run's output directory with a link in the place of one of its names. */
function outputAttempt(m: Modules, root: string, outside: string, next: () => number) {
  const dir = folder(root, 'output');
  const any = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;
  const [name, target] = any([
    ['.attune.lock', 'secret.json'],
    ['metrics.jsonl', 'metrics.jsonl'],
    ['quarantine.jsonl', 'rows.jsonl'],
    ['run.json', 'secret.json'],
    [`.run.json.${process.pid}.tmp`, 'secret.json'],
    ['latest', '.'],
    ['.latest.tmp', 'secret.txt'],
    ['checkpoint-1', '.'],
    ['checkpoint-3', '.'],
    ['.checkpoint-3.tmp', '.'],
    ['.checkpoint-1.removed', '.'],
    ['checkpoint-1000', '.'],
  ]);
  symlinkSync(join(outside, target), join(dir, name));
  return {
    [`output_dir with a link ${name}`]: async () => {
      const lock = await m.lockDirectory(dir);
      try {
        const store = new m.CheckpointStore(dir);
        await store.clear();
        await store.setAside(0);
        const bytes = Buffer.from('weights');
        for (const step of [1, 2, 3]) {
          await store.publish('a', step, [{ name: 'model.safetensors', bytes }], quiet);
        }
        await store.prune('a', 1, null);
        await m.writeRunFile(dir, {} as Parameters<Modules['writeRunFile']>[1]);
        const quarantine = new m.QuarantineFile(join(dir, 'quarantine.jsonl'), quiet);
        quarantine.begin(true);
        quarantine.add(Promise.resolve([{ file: 'a', line: 1, reason: 'b', raw: 'c' }]));
        await quarantine.settle();
        await quarantine.close();
        new m.MetricsFile(join(dir, 'metrics.jsonl'), quiet, 5).close();
      } finally {
        await lock.release();
      }
    },
  };
}

/** Attempts with names in the listing of a repository, and in what the cache keeps of one. */
async function hubAttempts(
  m: Modules,
  files: Record<string, Buffer>,
  hub: string,
  outside: string,
  next: () => number,
) {
  const repository = join(hub, 'datasets--o--x');
  const place = join(repository, 'snapshots', commit);
  const name = hostileName(place, join(outside, 'secret.json'), '.json', next);
  const bytes = Buffer.from('{}');
  rmSync(repository, { recursive: true, force: true });
  for (const each of Object.keys(files)) delete files[each];
  Object.assign(files, { 'ok.json': bytes, [name]: bytes });
  const revision = next() < 0.5 ? 'main' : name;
  const all = (offline: boolean) => async () => {
    process.env.HF_HUB_OFFLINE = offline ? '1' : '';
    return (await m.snapshot({ type: 'dataset', id: 'o/x', revision }, (paths) => paths)).paths
      .length;
  };
  const cached = () => {
    rmSync(repository, { recursive: true, force: true });
    for (const sub of ['refs', 'attune', 'blobs'])
      mkdirSync(join(repository, sub), { recursive: true });
    const hash = hashOf(bytes);
    writeFileSync(join(repository, 'blobs', hash), bytes);
    const listing = { commit, files: [{ path: name, size: bytes.length, hash }] };
    writeFileSync(join(repository, 'attune', `${commit}.json`), JSON.stringify(listing));
    writeFileSync(join(repository, 'refs', 'main'), commit);
    return all(true)();
  };
  return {
    [`listing ${JSON.stringify(name)} at ${revision}`]: all(false),
    [`cached listing ${JSON.stringify(name)} at ${revision}`]: cached,
  };
}

/** Links to elsewhere than the repository's own blobs, and things beside its folder. */
function strayed(hub: string): string[] {
  const beside = readdirSync(hub).filter((name) => name !== 'datasets--o--x');
  const links = tree(hub).filter((path) => {
    return (
      lstatSync(path).isSymbolicLink() && !/^(\.\.\/)+blobs\/[0-9a-f]+$/.test(readlinkSync(path))
    );
  });
  return [...beside, ...links];
}

export async function provePaths({ trials, seed }: ProofOptions): Promise<Verdict> {
  const m = await modules();
  const root = workspace();
  const next = random(seed);
  const outside = new Outside(root);
  readFileSync(join(outside.dir, 'secret.txt'));
  const watched = outside.touched() !== null;
  const files: Record<string, Buffer> = {};
  const server = await startHub({ 'datasets/o/x': files });
  const hub = folder(root, 'hub');
  process.env.HF_HUB_CACHE = hub;
  const found: Found = { refused: 0, inside: 0, faults: [] };
  try {
    for (let trial = 0; trial < trials; trial++) {
      const attempts: Record<string, Attempt> = {
        ...nameAttempts(m, root, outside.dir, next),
        ...linkAttempts(m, root, outside.dir, next),
        ...outputAttempt(m, root, outside.dir, next),
        ...(await hubAttempts(m, files, hub, outside.dir, next)),
      };
      outside.touched();
      for (const [what, run] of Object.entries(attempts)) {
        await attempt(what.slice(0, 200), outside, found, run);
      }
      const stray = [
        ...strayed(hub),
        ...readdirSync(root).filter((n) => !/^(in|out)side$/.test(n)),
      ];
      if (stray.length > 0) found.faults.push(`trial ${trial}: ${stray.join(', ')}`);
    }
  } finally {
    delete process.env.HF_HUB_CACHE;
    delete process.env.HF_HUB_OFFLINE;
    await server.close();
  }
  const { refused, inside, faults } = found;
  return {
    line:
      `paths: ${faults.length} faults in ${refused + inside} attempts with ${trials} rounds of hostile names and links ` +
      `to read, write or tell what is outside; ${refused} were refused with a type, ${inside} stayed inside` +
      `${watched ? '' : ' (this file system does not tell of reads)'}` +
      `${faults
        .map((text) => `\n  ${text}`)
        .slice(0, 12)
        .join('')}`,
    holds: faults.length === 0 && refused > 0 && inside > 0,
  };
}

await main(import.meta.url, 500, provePaths);
