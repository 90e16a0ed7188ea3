import { FLAGS } from '../model.ts';
import { count, percent } from '../numbers.ts';
import { button, el } from './dom.ts';
import { marks } from './list.ts';
import type { Store } from './store.ts';
import { shades, TokenView } from './tokens.ts';

/** One row: where it is from, what became of it, and its tokens. */
export class Detail {
  readonly element: HTMLElement;
  private readonly head = el('div', { class: 'head' });
  private readonly tools: HTMLElement;
  private readonly view: TokenView;
  private row = -1;

  constructor(
    private readonly store: Store,
    private readonly openRow: (row: number) => void,
    private readonly openGroup: (row: number) => void,
    back: () => void,
  ) {
    this.view = new TokenView(store.page.names);
    this.tools = el('div', { class: 'tools' }, ...this.switches());
    this.element = el(
      'section',
      { class: 'detail', at: { 'aria-label': 'Row' } },
      button('← Rows', back, { class: 'back' }),
      this.head,
      this.tools,
      this.view.element,
    );
    this.element.dataset.shade = store.page.lossesOf === null ? 'mask' : 'loss';
  }

  async show(row: number): Promise<void> {
    this.row = row;
    const read = await this.store.row(row);
    if (this.row !== row) return;
    this.head.replaceChildren(...this.facts(row));
    this.view.show(read);
  }

  /** Nothing is listed. */
  clear(): void {
    this.row = -1;
    this.head.replaceChildren(el('p', { class: 'empty' }, 'No row fits. Take a filter away.'));
  }

  private facts(row: number): Node[] {
    const { columns, page } = this.store;
    const source = page.sources[columns.source[row] ?? 0];
    const [tokens, trained, whole] = [
      columns.tokens[row] ?? 0,
      columns.trained[row] ?? 0,
      columns.whole[row] ?? 0,
    ];
    const kind = source?.role === 'eval' ? 'Evaluation row' : 'Row';
    const lines: Node[] = [
      el('h2', {}, `${kind} ${columns.index[row]}`, ...marks(columns.flags[row] ?? 0)),
      el('p', { class: 'where' }, `${source?.file}:${columns.line[row]}`),
      el(
        'p',
        {},
        `${count(tokens)} tokens`,
        whole > tokens && ` of ${count(whole)}: ${count(whole - tokens)} cut off`,
        `, ${count(trained)} trained (${percent(trained, tokens)})`,
        this.lossText(row),
      ),
    ];
    const reason = page.reasons[(columns.reason[row] ?? 0) - 1];
    if (reason) lines.push(el('p', { class: 'reason' }, `Left out: ${reason}`));
    const repeats = this.repeats(row);
    if (repeats) lines.push(repeats);
    return lines;
  }

  private lossText(row: number): string {
    const { columns } = this.store;
    const loss = columns.loss[row] ?? Number.NaN;
    if (Number.isNaN(loss)) return '';
    return `, mean loss ${loss.toFixed(3)}, largest ${columns.worst[row]?.toFixed(2)}`;
  }

  private repeats(row: number): Node | null {
    const { columns, page } = this.store;
    const of = (columns.repeats[row] ?? 0) - 1;
    const flags = columns.flags[row] ?? 0;
    if (of < 0 && !(flags & (FLAGS.exact | FLAGS.near | FLAGS.leak))) return null;
    const all = button('Show all of them', () => this.openGroup(of < 0 ? row : of));
    if (of < 0) return el('p', {}, 'Other rows repeat this one. ', all);
    const source = page.sources[columns.source[of] ?? 0];
    const similarity = columns.similarity[row] ?? 100;
    const how = similarity === 100 ? 'Repeats' : `${similarity} % similar to`;
    const name = `${source?.role === 'eval' ? 'evaluation row' : 'row'} ${columns.index[of]}`;
    return el(
      'p',
      {},
      `${how} `,
      button(name, () => this.openRow(of)),
      ` (${this.store.place(of)}). `,
      all,
    );
  }

  private switches(): Node[] {
    const toggle = (text: string, name: string, isOn: boolean): HTMLElement => {
      const made = button(
        text,
        () => {
          const on = this.element.classList.toggle(name);
          made.setAttribute('aria-pressed', String(on));
        },
        { at: { 'aria-pressed': isOn } },
      );
      if (isOn) this.element?.classList.add(name);
      made.setAttribute('aria-pressed', String(isOn));
      return made;
    };
    const parts: Node[] = [toggle('Token ids', 'ids', false), toggle('Plain text', 'plain', false)];
    if (this.store.page.lossesOf !== null) {
      const shade = button('Shade by mask', () => {
        const isLoss = this.element.dataset.shade === 'loss';
        this.element.dataset.shade = isLoss ? 'mask' : 'loss';
        shade.textContent = isLoss ? 'Shade by loss' : 'Shade by mask';
      });
      parts.push(shade);
    }
    parts.push(legend());
    return parts;
  }
}

function legend(): HTMLElement {
  const sample = (kind: string, text: string): Node => el('span', { class: `t ${kind}` }, text);
  return el(
    'div',
    { class: 'legend' },
    el(
      'span',
      { class: 'for-mask' },
      sample('on even', 'trained'),
      sample('on', 'trained'),
      sample('even', 'not trained'),
      el('span', { class: 'cut' }, 'cut off'),
    ),
    el(
      'span',
      { class: 'for-loss' },
      'loss ',
      ...[0, ...shades].map((bound, i) =>
        sample(`on l${i}`, i === 0 ? `< ${shades[0]}` : `≥ ${bound}`),
      ),
    ),
  );
}
