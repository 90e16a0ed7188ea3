import { count } from '../numbers.ts';
import { el } from './dom.ts';

export interface Bin {
  from: number;
  to: number;
  rows: number;
  /** As text: `120 to 140 tokens`. */
  name: string;
}

/**
 * Equal bins with round bounds; what lies beyond all but the last half per cent is one bin. `most`:
 * the largest value there can be.
 */
export function bins(values: Float64Array, unit: string, most = Number.POSITIVE_INFINITY): Bin[] {
  const finite = values.filter((value) => !Number.isNaN(value)).sort();
  if (finite.length === 0) return [];
  const end = finite.at(-1) ?? 0;
  const usual = Math.max(finite[Math.floor(0.995 * (finite.length - 1))] ?? 0, 1e-6);
  const width = roundUp(
    (most < Number.POSITIVE_INFINITY ? most : Math.min(end, usual * 1.02)) / 24,
  );
  const number = Math.max(
    1,
    Math.ceil((most < Number.POSITIVE_INFINITY ? most : usual * 1.0001) / width),
  );
  const digits = Math.max(0, -Math.floor(Math.log10(width) + 1e-9));
  const shown = (value: number): string => (digits > 0 ? value.toFixed(digits) : count(value));
  const made = Array.from({ length: number }, (_, i): Bin => {
    const [from, to] = [i * width, (i + 1) * width];
    return { from, to, rows: 0, name: `${shown(from)} to ${shown(to)} ${unit}` };
  });
  const last = made.at(-1) as Bin;
  if (end >= last.to) {
    last.to = Number.POSITIVE_INFINITY;
    last.name = `${shown(last.from)} ${unit} or more`;
  }
  for (const value of finite) {
    const bin = made[Math.min(number - 1, Math.floor(value / width))];
    if (bin) bin.rows++;
  }
  return made;
}

/** 1, 2 or 5 times a power of ten, at least `value`. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10) * power;
}

/** Bars, each a button where `onPick` is given, and a line that tells about one of them. */
export function histogram(
  title: string,
  all: readonly Bin[],
  onPick: ((bin: Bin) => void) | null,
  what = 'rows',
): HTMLElement {
  const most = Math.max(1, ...all.map(({ rows }) => rows));
  const total = all.reduce((sum, { rows }) => sum + rows, 0);
  const hint = onPick ? `Pick a bar to see its ${what}.` : `${count(total)} ${what}.`;
  const line = el('p', { class: 'hint' }, hint);
  const bars = all.map((bin) => {
    const text = `${bin.name}: ${count(bin.rows)} ${what}`;
    const bar = el(onPick ? 'button' : 'div', {
      class: 'bar',
      title: text,
      at: { 'aria-label': text, ...(onPick ? { type: 'button' } : { role: 'img' }) },
      on: {
        mouseenter: () => line.replaceChildren(text),
        focus: () => line.replaceChildren(text),
        mouseleave: () => line.replaceChildren(hint),
        click: () => bin.rows > 0 && onPick?.(bin),
      },
    });
    bar.style.setProperty('--part', String(bin.rows === 0 ? 0 : Math.max(0.02, bin.rows / most)));
    return bar;
  });
  return el(
    'figure',
    { class: 'histogram' },
    el('figcaption', {}, title),
    el('div', { class: 'bars' }, ...bars),
    el('div', { class: 'axis' }, ...axis(all)),
    line,
  );
}

function axis(all: readonly Bin[]): Node[] {
  const first = all[0]?.name.split(' ')[0] ?? '';
  const middle = all[Math.floor(all.length / 2)]?.name.split(' ')[0] ?? '';
  const last = all.at(-1);
  const end = last
    ? last.to === Number.POSITIVE_INFINITY
      ? `${last.name.split(' ')[0]}+`
      : last.name.split(' ')[2]
    : '';
  return [first, middle, end ?? ''].map((text) => el('span', {}, text));
}
