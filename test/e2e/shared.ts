import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { temporaryFolder } from '../../prove/lib/proof.ts';

export const SHARED = join(import.meta.dirname, '../../../shared');
export const STORIES = join(SHARED, 'models/stories260K');

/** Whether `../shared` is there; where it is not, `count` tests are skipped and said to be. */
export function hasShared(count: number): boolean {
  if (existsSync(STORIES)) return true;
  console.log(`SKIPPED ${count}: ../shared is absent`);
  return false;
}

/** A directory that goes away with the process. */
export function temporary(): string {
  return temporaryFolder(tmpdir(), 'attune-');
}

/** GSM8K as prompt and completion, its first `count` rows, in a file. */
export function writeGsm8k(
  path: string,
  split: 'train' | 'test',
  count = Number.POSITIVE_INFINITY,
): void {
  const lines = readFileSync(join(SHARED, `data/gsm8k/${split}.jsonl`), 'utf8')
    .trim()
    .split('\n');
  const rows = lines.slice(0, count).map((line) => {
    const { question, answer } = JSON.parse(line) as { question: string; answer: string };
    return JSON.stringify({ prompt: question, completion: answer });
  });
  writeFileSync(path, `${rows.join('\n')}\n`);
}
