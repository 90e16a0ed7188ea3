import type { InspectedRow } from '../data/options.ts';
import { AttuneError } from '../errors.ts';
import { inspectRows } from '../train/inspect.ts';
import { readConfig } from './keys.ts';
import { print } from './report.ts';

/** `attune inspect`: rows as training sees them, coloured, or one JSON object a line. */
export async function inspect(words: string[]): Promise<void> {
  const { resolved, own } = await readConfig(words, ['json', 'html', 'rows']);
  if (own.html) throw new AttuneError('config', '--html: pages are not built yet; use --json');
  const rows = own.rows === undefined ? Number.POSITIVE_INFINITY : Number(own.rows);
  if (!(rows >= 1)) throw new AttuneError('config', '--rows: expected a number of rows');
  for (const note of resolved.notes) process.stderr.write(`note: ${note}\n`);
  const offsets = own.json ? null : await tokenOffsets(resolved.config.model);
  let shown = 0;
  for await (const row of inspectRows(resolved.config)) {
    const colours = process.stdout.isTTY ?? false;
    await print(offsets ? rowText(row, offsets(row.text), colours) : JSON.stringify(row));
    if (++shown >= rows || process.stdout.destroyed) return;
  }
}

/** A function from a text to where its tokens end, in UTF-16 units. */
async function tokenOffsets(dir: string): Promise<(text: string) => number[]> {
  const { Tokenizer } = await import('../tokenizer/tokenizer.ts');
  const tokenizer = await Tokenizer.load(dir);
  return (text) => {
    const { offsets } = tokenizer.encode(text, { addSpecialTokens: false });
    return Array.from(offsets).filter((_, i) => i % 2 === 1);
  };
}

/**
 * A headline and the text, tokens ending at `ends`: trained ones green, neighbours in two shades.
 * Without colours, trained parts stand between « », with | where one token ends and the next begins.
 */
export function rowText(row: InspectedRow, ends: readonly number[], colours: boolean): string {
  const trained = row.labels.filter((label) => label !== -100).length;
  const facts = [
    `row ${row.index}`,
    `${row.source.file}:${row.source.line}`,
    `${row.input_ids.length} tokens, ${trained} trained`,
    row.truncated ? 'truncated' : '',
    row.dropped === null ? '' : `left out: ${row.dropped}`,
  ];
  const head = facts.filter((fact) => fact !== '').join('  ');
  const points = Array.from(row.text);
  let unit = 0;
  const parts = row.spans.map(([start, end, isTrained]) => {
    const text = points.slice(start, end).join('');
    const tokens = cut(
      text,
      ends.map((at) => at - unit),
    );
    unit += text.length;
    if (colours) return tokens.map((token, i) => shade(token, isTrained, i)).join('');
    return isTrained ? `«${tokens.join('|')}»` : text;
  });
  return `${colours ? `\x1b[1m${head}\x1b[0m` : head}\n${parts.join('')}\n`;
}

function cut(text: string, ends: readonly number[]): string[] {
  const inside = [...new Set(ends)].filter((at) => at > 0 && at < text.length);
  return [0, ...inside].map((at, i) => text.slice(at, inside[i]));
}

function shade(text: string, trained: boolean, index: number): string {
  const colour = trained ? ['92', '32'] : ['37', '90'];
  return `\x1b[${colour[index % 2]}m${text}\x1b[0m`;
}
