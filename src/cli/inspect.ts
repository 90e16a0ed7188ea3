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
  let shown = 0;
  for await (const row of inspectRows(resolved.config)) {
    print(own.json ? JSON.stringify(row) : rowText(row, Boolean(process.stdout.isTTY)));
    if (++shown >= rows || process.stdout.destroyed) return;
  }
}

/** A headline and the text: trained parts green, or between « » without colours; `|` ends a token. */
export function rowText(row: InspectedRow, colours: boolean): string {
  const trained = row.labels.filter((label) => label !== -100).length;
  const facts = [
    `row ${row.index}`,
    `${row.source.file}:${row.source.line}`,
    `${row.input_ids.length} tokens, ${trained} trained`,
    row.truncated ? 'truncated' : '',
    row.dropped === null ? '' : `left out: ${row.dropped}`,
  ];
  const points = Array.from(row.text);
  const parts = row.spans.map(([start, end, isTrained], i) => {
    const text = points.slice(start, end).join('');
    if (!colours) return isTrained ? `«${text}»` : text;
    // Neighbours differ in brightness, which shows where tokens end.
    return `\x1b[${isTrained ? (i % 2 ? '32' : '92') : i % 2 ? '90' : '37'}m${text}\x1b[0m`;
  });
  const head = facts.filter((fact) => fact !== '').join('  ');
  const text = parts.join('').replaceAll('»«', '|');
  return `${colours ? `\x1b[1m${head}\x1b[0m` : head}\n${text}\n`;
}
