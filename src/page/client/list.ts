import { FLAGS } from '../model.ts';
import { count, rounded } from '../numbers.ts';
import { visibleText } from '../visible.ts';
import { el } from './dom.ts';
import type { Store } from './store.ts';

/** Pixels of an entry, as the style has them. */
const height = 64;
/** Browsers cut elements off beyond some 16 million pixels: then a pixel scrolls more than one. */
const tallest = 12_000_000;

/** A list of rows of which those in view alone are elements. */
export class RowList {
  readonly element: HTMLElement;
  private order = new Uint32Array(0);
  private place = -1;
  private readonly space = el('div', { class: 'space' });
  private readonly shown = new Map<number, HTMLElement>();

  constructor(
    private readonly store: Store,
    private readonly onOpen: (row: number, byUser: boolean) => void,
  ) {
    this.element = el(
      'div',
      {
        class: 'list',
        at: { role: 'listbox', tabindex: 0, 'aria-label': 'Rows' },
        on: {
          scroll: () => this.draw(),
          keydown: (event) => this.key(event),
          click: (event) => this.click(event),
        },
      },
      this.space,
    );
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /** Shows these rows; `keep` is the row to stay at, where it is among them. */
  show(order: Uint32Array<ArrayBuffer>, keep: number | null): void {
    this.order = order;
    this.space.style.height = `${this.extent}px`;
    this.clear();
    this.place = keep === null ? -1 : order.indexOf(keep);
    this.element.setAttribute('aria-activedescendant', '');
    if (this.place >= 0) this.intoView();
    else this.element.scrollTop = 0;
    this.draw();
  }

  /** Goes to a place of the list and opens its row. */
  open(place: number, byUser = true): void {
    if (this.order.length === 0) return;
    this.place = Math.max(0, Math.min(this.order.length - 1, place));
    this.intoView();
    this.clear();
    this.draw();
    this.onOpen(this.order[this.place] ?? 0, byUser);
  }

  get at(): number {
    return this.place;
  }

  private get extent(): number {
    return Math.min(tallest, this.order.length * height);
  }

  /** Pixels that the list is scrolled by, of all entries at full height. */
  private scrolled(): number {
    const room = this.element.clientHeight;
    const full = this.order.length * height - room;
    const least = this.extent - room;
    return least <= 0 ? 0 : (this.element.scrollTop * full) / least;
  }

  private intoView(): void {
    const room = this.element.clientHeight;
    const top = this.place * height;
    const offset = this.scrolled();
    if (top >= offset && top + height <= offset + room) return;
    const target = top < offset ? top : top + height - room;
    const full = this.order.length * height - room;
    this.element.scrollTop = full <= 0 ? 0 : (target * (this.extent - room)) / full;
  }

  private draw(): void {
    const offset = this.scrolled();
    const shift = this.element.scrollTop - offset;
    const from = Math.max(0, Math.floor(offset / height) - 4);
    const to = Math.min(
      this.order.length,
      Math.ceil((offset + this.element.clientHeight) / height) + 4,
    );
    for (const [place, entry] of this.shown) {
      if (place >= from && place < to) continue;
      entry.remove();
      this.shown.delete(place);
    }
    for (let place = from; place < to; place++) {
      const entry = this.shown.get(place) ?? this.entry(place);
      entry.style.top = `${place * height + shift}px`;
    }
    const active = this.shown.get(this.place);
    if (active) this.element.setAttribute('aria-activedescendant', active.id);
  }

  private entry(place: number): HTMLElement {
    const row = this.order[place] ?? 0;
    const isActive = place === this.place;
    const text = el('div', { class: 'preview' }, '…');
    const entry = el(
      'div',
      {
        class: isActive ? 'entry active' : 'entry',
        at: {
          role: 'option',
          id: `entry${place}`,
          'aria-selected': String(isActive),
          'aria-setsize': this.order.length,
          'aria-posinset': place + 1,
          'data-place': place,
        },
      },
      el('div', { class: 'facts' }, ...facts(this.store, row)),
      text,
    );
    this.shown.set(place, entry);
    this.space.append(entry);
    this.store.preview(row).then(
      (preview) => {
        text.textContent = visibleText(preview.replace(/\s+/g, ' '));
      },
      (error: Error) => {
        text.textContent = error.message;
      },
    );
    return entry;
  }

  private clear(): void {
    for (const entry of this.shown.values()) entry.remove();
    this.shown.clear();
  }

  private click(event: Event): void {
    const entry = (event.target as Element).closest<HTMLElement>('.entry');
    if (entry) this.open(Number(entry.dataset.place));
  }

  private key(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.element.clientHeight / height) - 1);
    const moves: Record<string, number> = {
      ArrowDown: this.place + 1,
      ArrowUp: this.place - 1,
      PageDown: this.place + page,
      PageUp: this.place - page,
      Home: 0,
      End: this.order.length - 1,
    };
    const to = moves[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.open(to);
  }
}

/** Number, marks, length, share and loss of a row; the first are in view where there is little room. */
function facts({ columns, page }: Store, row: number): Node[] {
  const number = page.sources[columns.source[row] ?? 0]?.role === 'eval' ? 'eval #' : '#';
  const loss = columns.loss[row] ?? Number.NaN;
  return [
    el('b', {}, `${number}${columns.index[row]}`),
    ...(Number.isNaN(loss) ? [] : [el('span', { class: 'loss' }, `loss ${loss.toFixed(2)}`)]),
    ...marks(columns.flags[row] ?? 0),
    el('span', {}, `${count(columns.tokens[row] ?? 0)} tokens`),
    el('span', {}, `${rounded(columns.trained[row] ?? 0, columns.tokens[row] ?? 0)} trained`),
  ];
}

const names: [number, string, string][] = [
  [FLAGS.leftOut, 'left out', 'bad'],
  [FLAGS.truncated, 'truncated', 'warn'],
  [FLAGS.leak, 'leak', 'bad'],
  [FLAGS.exact, 'duplicate', 'note'],
  [FLAGS.near, 'near', 'note'],
];

export function marks(flags: number): HTMLElement[] {
  return names
    .filter(([bit]) => flags & bit)
    .map(([, name, kind]) => el('span', { class: `mark ${kind}` }, name));
}
