import type { ShownRow } from '../batch/inspect.ts';
import { visibleText } from '../page/visible.ts';
import { countTrained, ignored } from '../worker/labels.ts';

/**
 * A headline and the text: trained tokens green, neighbours in two shades, what truncation cut off
 * struck through. Without colours, trained tokens stand between « », with | where one ends and the
 * next begins. Characters that would not be seen, or would move the cursor, are shown by name.
 */
export function rowText(row: ShownRow, colours: boolean): string {
  const trained = countTrained(row.labels);
  const cut = row.whole > row.ids.length ? ` of ${row.whole}` : '';
  const facts = [
    `row ${row.index}`,
    `${row.place.file}:${row.place.line}`,
    `${row.ids.length}${cut} tokens, ${trained} trained`,
    row.truncated ? 'truncated' : '',
    row.dropped === null ? '' : `left out: ${row.dropped}`,
  ];
  const head = facts.filter((fact) => fact !== '').join('  ');
  return `${colours ? `\x1b[1m${head}\x1b[0m` : head}\n${colours ? coloured(row) : marked(row)}\n`;
}

/** Text of a row in order: of tokens, or between, before or behind them. */
interface Part {
  text: string;
  kind: 'trained' | 'untrained' | 'cut';
}

function partsOf({ text, offsets, ids, labels }: ShownRow): Part[] {
  const parts: Part[] = [];
  let done = 0;
  const first = offsets[0] ?? text.length;
  const last = offsets.at(-1) ?? 0;
  const rest = (end: number) => {
    const kind = end <= first || done >= last ? 'cut' : 'untrained';
    if (end > done) parts.push({ text: visibleText(text.slice(done, end)), kind });
    done = Math.max(done, end);
  };
  for (let i = 0; i < ids.length; i++) {
    rest(offsets[2 * i] ?? 0);
    const end = offsets[2 * i + 1] ?? 0;
    const kind = i > 0 && labels[i] !== ignored ? 'trained' : 'untrained';
    // Tokens may share a character; it is shown once.
    if (end > done) parts.push({ text: visibleText(text.slice(done, end)), kind });
    done = Math.max(done, end);
  }
  rest(text.length);
  return parts;
}

function coloured(row: ShownRow): string {
  const shades = { trained: ['92', '32'], untrained: ['37', '90'], cut: ['9;90', '9;90'] };
  return partsOf(row)
    .map(({ text, kind }, i) => `\x1b[${shades[kind][i % 2]}m${text}\x1b[0m`)
    .join('');
}

function marked(row: ShownRow): string {
  let text = '';
  let before = false;
  for (const part of partsOf(row)) {
    const trained = part.kind === 'trained';
    text += trained ? (before ? '|' : '«') : before ? '»' : '';
    text += part.text;
    before = trained;
  }
  return before ? `${text}»` : text;
}
