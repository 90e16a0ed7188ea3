import { FLAGS } from '../model.ts';
import { count, percent, short } from '../numbers.ts';
import { cost } from './cost.ts';
import { button, el, pause } from './dom.ts';
import { type Bin, bins, histogram } from './histogram.ts';
import { accountOf, repeats, type Show, settingsTable, sources } from './lists.ts';
import { type Measure, measured, type Query } from './query.ts';
import type { Store } from './store.ts';
import { table } from './table.ts';

/**
 * What the data is as a whole. Everything that has rows behind it leads to them. Part by part, so that
 * the browser does other things in between.
 */
export async function overview(store: Store, show: Show): Promise<HTMLElement> {
  const { page } = store;
  const parts: (() => Node)[] = [
    () => cards(store, show),
    () => section('Cost', cost(store)),
    () => section('Lengths and masks', histograms(store, show)),
    () => section('Packing', packing(store)),
    () => section('Account of rows', accountOf(page.account)),
    () => section('Sources', sources(store, show)),
    () => section('Duplicates and leakage', repeats(store, show)),
    () => section('Settings that differ from the defaults', settingsTable(page.settings)),
  ];
  const main = el(
    'main',
    { class: 'overview', at: { id: 'overview' } },
    page.every > 1 &&
      el(
        'p',
        { class: 'notice' },
        `This page has ${count(page.rows)} of ${count(page.available)} rows, every ${page.every}th. Distributions, packing, duplicates and leakage are of these; cost and the account of rows are of all.`,
      ),
  );
  for (const part of parts) {
    await pause();
    main.append(part());
  }
  await pause();
  return main;
}

function section(title: string, ...content: (Node | null)[]): HTMLElement {
  return el('section', {}, el('h2', {}, title), ...content);
}

function cards(store: Store, show: Show): HTMLElement {
  const { columns, rows } = store;
  let tokens = 0;
  let trained = 0;
  for (let row = 0; row < rows; row++) {
    tokens += columns.tokens[row] ?? 0;
    trained += columns.trained[row] ?? 0;
  }
  const card = (
    name: string,
    value: string,
    query: Partial<Query> | null,
    kind = '',
  ): HTMLElement =>
    query === null
      ? el('div', { class: 'card' }, el('b', {}, value), el('span', {}, name))
      : button('', () => show(query), { class: `card ${kind}` });
  const flagged = (name: string, flags: number, kind: string): HTMLElement => {
    const number = store.flagCount(flags);
    const made = card(name, count(number), number > 0 ? { flags } : null, kind);
    if (number > 0) made.replaceChildren(el('b', {}, count(number)), el('span', {}, name));
    return made;
  };
  return el(
    'div',
    { class: 'cards' },
    card('rows', count(rows), null),
    card('tokens', short(tokens), null),
    card('of them trained', percent(trained, tokens), null),
    flagged('truncated', FLAGS.truncated, 'warn'),
    flagged('left out', FLAGS.leftOut, 'bad'),
    flagged('in groups of equal rows', FLAGS.exact, 'note'),
    flagged('in groups of near-duplicates', FLAGS.near, 'note'),
    flagged('in training and evaluation', FLAGS.leak, 'bad'),
  );
}

function histograms(store: Store, show: Show): HTMLElement {
  const { page, rows, columns } = store;
  const of = (measure: Measure, title: string, unit: string, most?: number): HTMLElement => {
    const values = new Float64Array(rows);
    for (let row = 0; row < rows; row++) values[row] = measured(columns, measure, row);
    const pick = ({ from, to }: Bin): void => show({ range: { measure, from, to } });
    return histogram(title, bins(values, unit, most), pick);
  };
  const length = page.maxLength === null ? '' : `, before truncation to ${count(page.maxLength)}`;
  return el(
    'div',
    { class: 'figures' },
    of('tokens', `Tokens of a row${length}`, 'tokens'),
    of('share', 'Share of a row’s tokens that is trained', '%', 100),
    page.lossesOf !== null && of('loss', 'Mean loss of a row, nats', 'nats'),
  );
}

function packing({ page }: Store): HTMLElement {
  const rows = page.packing.map(({ name, chosen, rows: number, fill, lost, tokens }) => [
    chosen ? el('b', {}, `${name} (chosen)`) : name,
    count(number),
    `${(100 * fill).toFixed(1)} %`,
    lost === 0 ? '0' : `${count(lost)} (${percent(lost, lost + tokens)})`,
  ]);
  const every = 1 / Math.max(1, page.fills.length);
  const all = page.fills.map((number, i): Bin => {
    const [from, to] = [Math.round(100 * i * every), Math.round(100 * (i + 1) * every)];
    return { from, to, rows: number, name: `${from} to ${to} % full` };
  });
  return el(
    'div',
    { class: 'figures' },
    el(
      'div',
      {},
      table(['Packing', 'Rows an epoch', 'Fill', 'Tokens cut off'], rows),
      el(
        'p',
        { class: 'hint' },
        'Computed from the rows of this page in file order. Without packing there is no padding either: a batch is one flat row of tokens.',
      ),
    ),
    page.fills.length > 0 && histogram('Fill of the packed rows', all, null, 'packed rows'),
  );
}
