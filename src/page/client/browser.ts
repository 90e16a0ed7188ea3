import { FLAGS } from '../model.ts';
import { count } from '../numbers.ts';
import { Detail } from './detail.ts';
import { button, el } from './dom.ts';
import { RowList } from './list.ts';
import { everything, grouped, matching, type Query, type Sort, search, sorted } from './query.ts';
import type { Store } from './store.ts';

const chips: [number, string][] = [
  [FLAGS.truncated, 'Truncated'],
  [FLAGS.leftOut, 'Left out'],
  [FLAGS.exact, 'Equal rows'],
  [FLAGS.near, 'Near-duplicates'],
  [FLAGS.leak, 'Leakage'],
];

const sorts: [Sort, string][] = [
  ['file', 'File order'],
  ['loss', 'Highest loss first'],
  ['worst', 'Worst token first'],
  ['longest', 'Longest first'],
  ['shortest', 'Shortest first'],
  ['share', 'Least trained first'],
  ['repeats', 'Repeated rows together'],
];

/** Search, filters, the list of rows and the one that is open. */
export class RowBrowser {
  readonly element: HTMLElement;
  private query: Query;
  private asked = 0;
  private readonly list: RowList;
  private readonly detail: Detail;
  private readonly input: HTMLInputElement;
  private readonly sort: HTMLSelectElement;
  private readonly source: HTMLSelectElement;
  private readonly chips: HTMLElement;
  private readonly found = el('p', { class: 'found', at: { role: 'status' } });

  constructor(private readonly store: Store) {
    this.query = { ...everything, sort: store.page.lossesOf === null ? 'file' : 'loss' };
    this.list = new RowList(store, (row, byUser) => this.open(row, byUser));
    this.detail = new Detail(
      store,
      (row) => this.goTo(row),
      (group) => this.ask({ group }),
      () => this.close(),
    );
    this.input = el('input', {
      at: {
        type: 'search',
        placeholder: 'Search text, #row, id:token, /regex/',
        'aria-label': 'Search',
        'aria-keyshortcuts': '/',
      },
      on: {
        input: () => this.ask({ ...this.query, text: this.input.value.trim() }),
        keydown: (event) => {
          if (event.key === 'ArrowDown' || event.key === 'Enter') this.list.element.focus();
        },
      },
    });
    const { lossesOf, sources } = store.page;
    const choices = sorts.filter(
      ([sort]) => lossesOf !== null || (sort !== 'loss' && sort !== 'worst'),
    );
    this.sort = select('Order', choices, () =>
      this.ask({ ...this.query, sort: this.sort.value as Sort }),
    );
    const files: [string, string][] = sources.map(({ role }, i) => [
      String(i),
      role === 'eval' ? `${store.name(i)} (evaluation)` : store.name(i),
    ]);
    this.source = select('Source', [['-1', 'All files'], ...files], () =>
      this.ask({ ...this.query, source: Number(this.source.value) }),
    );
    this.chips = el('div', { class: 'chips', at: { role: 'group', 'aria-label': 'Filters' } });
    this.element = el(
      'main',
      { class: 'rows', at: { id: 'rows' } },
      el(
        'div',
        { class: 'side' },
        el(
          'div',
          { class: 'controls' },
          this.input,
          el('div', { class: 'selects' }, this.sort, files.length > 1 && this.source),
          this.chips,
          this.found,
        ),
        this.list.element,
      ),
      this.detail.element,
    );
    this.update();
  }

  /** Lists what this query asks for; what it does not say is everything. */
  ask(query: Partial<Query>): void {
    this.query = { ...everything, sort: this.query.sort, ...query };
    const isGrouped = (this.query.flags & grouped) !== 0 || this.query.group !== null;
    if (query.sort === undefined && isGrouped) this.query.sort = 'repeats';
    this.update();
  }

  focus(): void {
    this.list.element.focus({ preventScroll: true });
  }

  focusSearch(): void {
    this.close();
    this.input.focus();
    this.input.select();
  }

  /** `row`: to stay at; else the first is opened. */
  private async update(row: number | null = null): Promise<void> {
    const asked = ++this.asked;
    const { query } = this;
    const store = this.store;
    if (this.input.value.trim() !== query.text) this.input.value = query.text;
    this.sort.value = query.sort;
    this.source.value = String(query.source);
    this.drawChips();
    const wanted = matching(store, query);
    if (query.text !== '') {
      const isCurrent = (chunks: number): boolean => {
        if (asked !== this.asked) return false;
        this.found.textContent = `searched ${Math.round((100 * chunks) / store.chunks)} %`;
        return true;
      };
      this.found.textContent = 'searching';
      try {
        await search(store, query.text, wanted, isCurrent);
      } catch (error) {
        this.found.textContent = (error as Error).message;
        return;
      }
      if (asked !== this.asked) return;
    }
    const order = sorted(store, wanted, query.sort);
    this.found.textContent =
      order.length === store.rows
        ? `${count(order.length)} rows`
        : `${count(order.length)} of ${count(store.rows)} rows`;
    this.list.show(order, row);
    if (order.length === 0) this.detail.clear();
    else if (this.list.at < 0) this.list.open(0, false);
  }

  private drawChips(): void {
    const { query } = this;
    const store = this.store;
    const parts: Node[] = chips.map(([bit, name]) => {
      const number = store.flagCount(bit);
      const isOn = (query.flags & bit) !== 0;
      const chip = button(
        `${name} ${count(number)}`,
        () =>
          this.ask({
            ...query,
            group: null,
            flags: query.flags ^ bit,
            ...(isOn && query.sort === 'repeats'
              ? { sort: 'file' as const }
              : (bit & grouped) !== 0
                ? { sort: 'repeats' as const }
                : {}),
          }),
        {
          class: 'chip',
          at: { 'aria-pressed': String(isOn) },
        },
      );
      chip.disabled = number === 0 && !isOn;
      return chip;
    });
    const { range, group } = query;
    const remove = (text: string, change: Partial<Query>): Node =>
      button(`${text} ✕`, () => this.ask({ ...query, ...change }), {
        class: 'chip',
        title: 'Take this filter away',
        at: { 'aria-pressed': 'true' },
      });
    if (range) {
      const units = { tokens: 'tokens', share: '% trained', loss: 'nats' };
      const to =
        range.to === Number.POSITIVE_INFINITY ? 'or more' : `to ${Number(range.to.toPrecision(6))}`;
      parts.push(
        remove(`${Number(range.from.toPrecision(6))} ${to} ${units[range.measure]}`, {
          range: null,
        }),
      );
    }
    if (group !== null) parts.push(remove('One group', { group: null, sort: 'file' }));
    this.chips.replaceChildren(...parts);
  }

  private open(row: number, byUser: boolean): void {
    if (byUser) this.element.classList.add('opened');
    this.detail.show(row);
  }

  private close(): void {
    this.element.classList.remove('opened');
    this.focus();
  }

  private goTo(row: number): void {
    this.query = { ...everything };
    this.update(row);
    this.detail.show(row);
  }
}

function select(
  name: string,
  options: readonly [string, string][],
  onChange: () => void,
): HTMLSelectElement {
  return el(
    'select',
    { at: { 'aria-label': name }, on: { change: onChange } },
    ...options.map(([value, text]) => el('option', { at: { value } }, text)),
  );
}
