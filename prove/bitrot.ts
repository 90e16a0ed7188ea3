/**
 * A checkpoint whose bytes are not the ones that were written is never used: single flipped bits of
 * every file, and files that are cut, grown, exchanged, missing or new; the one before is taken.
 */
import {
  closeSync,
  cpSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { built, main, type ProofOptions, random, type Verdict, workspace } from './lib/proof.ts';
import { trainToEnd } from './lib/runs.ts';
import { writeRows, writeTinyModel } from './lib/tiny.ts';

type Store = typeof import('../src/checkpoint/store.ts');

export async function proveBitrot({ trials, seed }: ProofOptions): Promise<Verdict> {
  const { CheckpointStore, problemOf } = await built<Store>('checkpoint/store.js');
  const dir = workspace();
  const next = random(seed);
  const outputDir = join(dir, 'run');
  await trainToEnd({
    model: writeTinyModel(join(dir, 'model'), 'F32'),
    trainFile: writeRows(join(dir, 'rows.jsonl'), 8),
    outputDir,
    dtype: 'float32',
    loraR: 2,
    loraTargetModules: 'q_proj',
    maxSteps: 2,
    saveSteps: 1,
    perDeviceTrainBatchSize: 2,
    datasetNumProc: 1,
    device: 'cpu',
  });
  const store = new CheckpointStore(outputDir);
  const newest = join(outputDir, 'checkpoint-2');
  const files = readdirSync(newest).map((name) => ({
    path: join(newest, name),
    size: statSync(join(newest, name)).size,
  }));
  const total = files.reduce((sum, { size }) => sum + size, 0);
  if ((await problemOf(newest)) !== null) throw new Error('the checkpoint is not whole');
  let noticed = 0;
  let fell = 0;
  const fallbacks = Math.min(trials, 1000);
  for (let trial = 0; trial < trials; trial++) {
    const { path, at } = anyByte(files, trial, next);
    const byte = readFileSync(path)[at]!;
    const handle = openSync(path, 'r+');
    writeSync(handle, Uint8Array.of(byte ^ (1 << Math.floor(8 * next()))), 0, 1, at);
    if ((await problemOf(newest)) !== null) noticed++;
    if (trial < fallbacks) {
      fell += Number((await store.newest(9, () => {}))?.step === 1);
    }
    writeSync(handle, Uint8Array.of(byte), 0, 1, at);
    closeSync(handle);
  }
  const others = await otherDamage(newest, files, problemOf, dir);
  const whole = (await problemOf(newest)) === null;
  return {
    line:
      `bitrot: ${noticed} of ${trials} flipped bits noticed in ${files.length} files of ${total} bytes, ` +
      `${fell} of ${fallbacks} times the checkpoint before was taken, ` +
      `${others.noticed} of ${others.tried} other kinds of damage noticed`,
    holds: noticed === trials && fell === fallbacks && others.noticed === others.tried && whole,
  };
}

/** Every byte is as likely as any other; one time in ten every file is. */
function anyByte(
  files: readonly { path: string; size: number }[],
  trial: number,
  next: () => number,
): { path: string; at: number } {
  if (trial % 10 === 0) {
    const { path, size } = files[(trial / 10) % files.length]!;
    return { path, at: Math.floor(next() * size) };
  }
  let at = Math.floor(next() * files.reduce((sum, { size }) => sum + size, 0));
  for (const { path, size } of files) {
    if (at < size) return { path, at };
    at -= size;
  }
  throw new Error('no such byte');
}

/** Each file cut, grown, emptied, missing, replaced by another; and a file that was not written. */
async function otherDamage(
  newest: string,
  files: readonly { path: string; size: number }[],
  problemOf: (dir: string) => Promise<string | null>,
  dir: string,
): Promise<{ tried: number; noticed: number }> {
  const found = { tried: 0, noticed: 0 };
  const attempt = async (damage: (copy: (path: string) => string) => void) => {
    const copy = join(dir, 'copy');
    rmSync(copy, { recursive: true, force: true });
    cpSync(newest, copy, { recursive: true });
    damage((path) => join(copy, path.slice(newest.length + 1)));
    found.tried++;
    if ((await problemOf(copy)) !== null) found.noticed++;
  };
  for (const { path } of files) {
    const bytes = readFileSync(path);
    const other = files.find((file) => file.path !== path)!.path;
    await attempt((in_) => writeFileSync(in_(path), bytes.subarray(0, -1)));
    await attempt((in_) => writeFileSync(in_(path), Buffer.concat([bytes, Buffer.alloc(1)])));
    await attempt((in_) => writeFileSync(in_(path), ''));
    await attempt((in_) => rmSync(in_(path)));
    await attempt((in_) => cpSync(other, in_(path)));
  }
  await attempt((in_) =>
    writeFileSync(in_(join(newest, 'optimizer-00001-of-00002.safetensors')), ''),
  );
  return found;
}

await main(import.meta.url, 100_000, proveBitrot);
