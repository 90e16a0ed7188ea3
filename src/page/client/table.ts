import { el } from './dom.ts';

/** Rows of cells under a head. Columns `from` to below `to` are numbers. */
export function table(
  head: string[],
  rows: (Node | string)[][],
  [from, to]: [number, number] = [1, head.length],
): HTMLElement {
  const cell = (tag: 'td' | 'th', content: Node | string, i: number): HTMLElement =>
    el(tag, { class: i >= from && i < to ? 'number' : '' }, content);
  return el(
    'div',
    { class: 'scroll', at: { tabindex: 0, role: 'region', 'aria-label': head[0] ?? '' } },
    el(
      'table',
      {},
      el('thead', {}, el('tr', {}, ...head.map((text, i) => cell('th', text, i)))),
      el(
        'tbody',
        {},
        ...rows.map((row) => el('tr', {}, ...row.map((content, i) => cell('td', content, i)))),
      ),
    ),
  );
}
