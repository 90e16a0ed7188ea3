import { LOSS_STEPS, NO_LOSS, type PageRow } from '../row.ts';
import { visiblePieces } from '../visible.ts';
import { button, el } from './dom.ts';

/** Tokens that are drawn at first. */
const firstTokens = 3000;

/** Bounds of the five shades of a loss, nats. */
export const shades = [0.1, 0.5, 1.5, 3, 6];

/** Tokens that stand for the same text: [first, end) of the row's, and the text. */
interface Part {
  first: number;
  end: number;
  text: string;
}

/** A row's text, token by token, with a line that tells about one of them. */
export class TokenView {
  readonly element: HTMLElement;
  private readonly text: HTMLElement;
  private readonly line = el('div', { class: 'token-line', at: { 'aria-live': 'polite' } });
  private row: PageRow | null = null;
  private parts: Part[] = [];
  private drawn: HTMLElement[] = [];
  private at = -1;

  constructor(private readonly names: Record<number, string>) {
    this.text = el('div', {
      class: 'text',
      at: {
        tabindex: 0,
        role: 'group',
        'aria-label': 'Tokens; arrow keys go from one to the next',
      },
      on: {
        keydown: (event) => this.key(event),
        click: (event) => this.point(event),
        mouseover: (event) => this.point(event),
        focus: () => this.tell(Math.max(0, this.at)),
      },
    });
    this.element = el('div', { class: 'tokens' }, this.line, this.text);
  }

  show(row: PageRow): void {
    this.row = row;
    this.parts = partsOf(row);
    this.drawn = [];
    this.at = -1;
    this.text.replaceChildren();
    this.text.scrollTop = 0;
    this.line.textContent =
      'Point at a token, or go through them with the arrow keys, to see its id.';
    const first = row.offsets[0] ?? 0;
    if (first > 0)
      this.text.append(el('span', { class: 'cut' }, ...pieces(row.text.slice(0, first))));
    this.draw(firstTokens);
  }

  private draw(upTo: number): void {
    const row = this.row;
    const parts = this.parts;
    const drawn = this.drawn;
    if (row === null) return;
    const last = Math.min(parts.length, upTo);
    for (let i = drawn.length; i < last; i++) {
      const part = parts[i] as Part;
      const before = row.offsets[2 * (parts[i - 1]?.end ?? 0) - 1] ?? 0;
      const start = row.offsets[2 * part.first] ?? 0;
      if (i > 0 && start > before) {
        this.text.append(el('span', { class: 'gap' }, ...pieces(row.text.slice(before, start))));
      }
      const token = this.token(row, part, i);
      drawn.push(token);
      this.text.append(token);
    }
    if (last < parts.length) {
      const more = button(`Show the other ${parts.length - last} tokens`, () => {
        more.remove();
        this.draw(parts.length);
      });
      this.text.append(more);
      return;
    }
    const end = row.offsets.at(-1) ?? 0;
    if (end < row.text.length) {
      this.text.append(el('span', { class: 'cut' }, ...pieces(row.text.slice(end))));
    }
  }

  private token(row: PageRow, { first, end, text }: Part, index: number): HTMLElement {
    const isTrained = row.trained.subarray(first, end).includes(1);
    const loss = largestLoss(row, first, end);
    const shade = loss === null ? '' : ` l${shades.filter((bound) => loss >= bound).length}`;
    const ids = Array.from(row.ids.subarray(first, end));
    const side = index % 2 === 0 ? ' even' : '';
    const line = text.endsWith('\n') ? ' line-end' : '';
    const content = text === '' ? [this.named(ids)] : pieces(text);
    return el(
      'span',
      {
        class: `t${isTrained ? ' on' : ''}${side}${line}${shade}`,
        at: { 'data-i': index, 'data-id': ids.join(' ') },
      },
      ...content,
    );
  }

  private named(ids: readonly number[]): HTMLElement {
    return el(
      'span',
      { class: 'hidden-char' },
      ids.map((id) => this.names[id] ?? `id ${id}`).join(' '),
    );
  }

  private point(event: Event): void {
    const token = (event.target as Element).closest<HTMLElement>('.t');
    if (token) this.tell(Number(token.dataset.i));
  }

  private key(event: KeyboardEvent): void {
    const moves: Record<string, number> = {
      ArrowRight: this.at + 1,
      ArrowLeft: this.at - 1,
      Home: 0,
      End: this.drawn.length - 1,
    };
    const to = moves[event.key];
    if (to === undefined || this.drawn.length === 0) return;
    event.preventDefault();
    this.tell(Math.max(0, Math.min(this.drawn.length - 1, to)));
    this.drawn[this.at]?.scrollIntoView({ block: 'nearest' });
  }

  /** Says what part `index` is. */
  private tell(index: number): void {
    const row = this.row;
    const parts = this.parts;
    const part = parts[index];
    if (row === null || part === undefined) return;
    this.drawn[this.at]?.classList.remove('at');
    this.at = index;
    this.drawn[index]?.classList.add('at');
    const { first, end } = part;
    const ids = Array.from(row.ids.subarray(first, end));
    const loss = largestLoss(row, first, end);
    const isTrained = row.trained.subarray(first, end).includes(1);
    const which = end - first === 1 ? `token ${first}` : `tokens ${first} to ${end - 1}`;
    const facts = [
      el('b', {}, which),
      el('span', {}, `id ${ids.join(', ')}`),
      el(
        'span',
        { class: isTrained ? 'state on' : 'state' },
        isTrained ? 'trained' : 'not trained',
      ),
      loss === null ? '' : el('span', {}, `loss ${loss.toFixed(2)}`),
      el('code', {}, part.text === '' ? this.named(ids) : quoted(part.text)),
    ];
    this.line.replaceChildren(...facts);
  }
}

/** Tokens of the same text together: parts of one character, say. */
function partsOf({ ids, offsets, text }: PageRow): Part[] {
  const parts: Part[] = [];
  for (let i = 0; i < ids.length; i++) {
    const start = offsets[2 * i] ?? 0;
    const end = offsets[2 * i + 1] ?? 0;
    const last = parts.at(-1);
    if (last && start < end && start < (offsets[2 * last.end - 1] ?? 0)) {
      last.end = i + 1;
      last.text = text.slice(offsets[2 * last.first], end);
    } else parts.push({ first: i, end: i + 1, text: text.slice(start, end) });
  }
  return parts;
}

function largestLoss(row: PageRow, first: number, end: number): number | null {
  let largest: number | null = null;
  for (let i = first; i < end; i++) {
    const loss = row.losses?.[i] ?? NO_LOSS;
    if (loss !== NO_LOSS && row.trained[i] === 1)
      largest = Math.max(largest ?? 0, loss / LOSS_STEPS);
  }
  return largest;
}

/** Text in which nothing is hidden. */
function pieces(text: string): Node[] {
  return visiblePieces(text).flatMap(({ text: part, isName }) => {
    if (isName) return [el('span', { class: 'hidden-char' }, part)];
    return part.split(/([\n\t])/).map((piece) => {
      if (piece === '\n') return el('span', { class: 'white' }, '↵\n');
      if (piece === '\t') return el('span', { class: 'white' }, '⇥\t');
      return document.createTextNode(piece);
    });
  });
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
