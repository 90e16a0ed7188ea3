import { writeFileSync } from 'node:fs';
import { pages } from './page.ts';
import { Rng } from './rng.ts';
import { story } from './story.ts';

const shortest = 40;
const longest = 220;

function length(text: string): number {
  return text.match(/\w+|[^\s\w]/g)?.length ?? 0;
}

export function corpus(documents: number, seed = 1): string[] {
  const rng = new Rng(seed);
  const deck = pages.flatMap(([page, share]) => Array.from({ length: share }, () => page));
  const texts = new Set<string>();
  while (texts.size < documents) {
    const write = rng.chance(0.4) ? story : rng.pick(deck);
    let text = write(rng);
    while (length(text) < shortest) text += ` ${write(rng)}`;
    if (length(text) <= longest) texts.add(text);
  }
  return [...texts];
}

export function jsonl(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

const [script, path, documents = '13000'] = process.argv.slice(1);
if (script?.endsWith('corpus.ts') && path) {
  writeFileSync(path, jsonl(corpus(Number(documents)).map((text) => ({ text }))));
}
