/** What scripts/golden/token_ids.py wrote, and how it was made. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { shared } from './shared.ts';

const folder = fileURLToPath(new URL('../../golden/tokenizers/', import.meta.url));

/** Tokenizers of ../shared by name, and those that the script made. */
export const folders: Record<string, string> = {
  gpt2: shared('tokenizers', 'gpt2'),
  'gpt-neox': shared('tokenizers', 'gpt-neox'),
  qwen2: shared('tokenizers', 'qwen2'),
  stories260K: shared('models', 'stories260K'),
};
export const made: Record<string, string> = Object.fromEntries(
  [
    'cl100k',
    'o200k',
    'digits',
    'prefixed',
    'marked',
    'marked-added',
    'replaced',
    'metaspace',
    'metaspace-first',
  ].map((name) => [name, folder + name]),
);

export const blockSize = 512;

/** Hashes by tokenizer for each file of ../shared/data, one a block of texts. */
export type Rows = Record<string, { texts: number } & Record<string, string[]>>;

export function golden<T>(name: string): T {
  return JSON.parse(readFileSync(`${folder}${name}.json`, 'utf8')) as T;
}

/** The adversarial texts; the long ones are a megabyte each. */
export function strings(): string[] {
  return golden<(string | [string, number])[]>('strings').map((text) =>
    typeof text === 'string' ? text : text[0].repeat(text[1]),
  );
}

/** Every string of every JSON value of a file, each line of plain text and the whole. */
export function textsOf(file: string): string[] {
  const path = shared('data', file);
  const bytes = readFileSync(path);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  const name = file.replace(/\.gz$/, '');
  if (name.endsWith('.txt')) return [...text.split('\n'), text];
  const lines = text.split('\n').filter((line) => line !== '');
  const values: unknown = name.endsWith('.jsonl')
    ? lines.map((line) => JSON.parse(line))
    : JSON.parse(text);
  const found: string[] = [];
  collect(values, found);
  return found;
}

function collect(value: unknown, found: string[]): void {
  if (typeof value === 'string') found.push(value);
  else if (typeof value === 'object' && value !== null) {
    for (const child of Object.values(value)) collect(child, found);
  }
}

/** Of the ids of texts, the number of a text's ids before them. */
export function digest(rows: readonly Int32Array[]): string {
  const hash = createHash('sha256');
  for (const ids of rows) hash.update(Int32Array.of(ids.length)).update(ids);
  return hash.digest('hex').slice(0, 12);
}
