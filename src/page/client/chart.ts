import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { short } from '../numbers.ts';
import { el } from './dom.ts';

export interface Series {
  name: string;
  /** null: not finite; undefined: there is none at this step. */
  values: (number | null | undefined)[];
  /** Name of a colour of the style. */
  colour: string;
  /** Points alone, as of evaluations; else a line. */
  points?: boolean;
  /** A thin, pale line behind the others. */
  faint?: boolean;
}

const height = 220;

/**
 * A chart over steps. Its legend follows the pointer; dragging looks closer, a double click goes
 * back. `step` and every series have the same length.
 */
export function chart(
  title: string,
  step: number[],
  series: Series[],
  { isLog = false, marks = [] as readonly number[] } = {},
): HTMLElement {
  const place = el('div', { class: 'plot' });
  const figure = el('figure', { class: 'chart' }, el('figcaption', {}, title), place);
  let plot: uPlot | null = null;
  const draw = (): void => {
    const width = place.clientWidth;
    if (width === 0) return;
    plot?.destroy();
    const data = [step, ...series.map(({ values }) => values)] as uPlot.AlignedData;
    plot = new uPlot(options(series, width, isLog, marks), data, place);
  };
  new ResizeObserver(() => {
    if (plot === null) draw();
    else plot.setSize({ width: place.clientWidth, height });
  }).observe(place);
  document.addEventListener('themechange', draw);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  return figure;
}

function options(
  series: readonly Series[],
  width: number,
  isLog: boolean,
  marks: readonly number[],
): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const axis = {
    stroke: colour('soft'),
    grid: { stroke: colour('line'), width: 1 },
    ticks: { show: false },
  };
  const number = (value: number | null | undefined): string =>
    value === null || value === undefined ? '–' : short(value);
  return {
    width,
    height,
    cursor: { sync: { key: 'run' } },
    hooks: { draw: [(plot) => drawMarks(plot, marks, colour('bad'))] },
    legend: { live: true },
    scales: { x: { time: false }, y: isLog ? { distr: 3 } : {} },
    axes: [
      { ...axis, label: 'step', labelSize: 18, size: 30, incrs: wholes },
      {
        ...axis,
        size: 64,
        values: (_, all) => ticks(all),
      },
    ],
    series: [
      { label: 'step', value: (_, value) => (value === null ? '–' : String(value)) },
      ...series.map(
        ({ name, colour: key, points, faint }): uPlot.Series => ({
          label: name,
          stroke: colour(key),
          width: points ? 0 : faint ? 1 : 2,
          alpha: faint ? 0.45 : 1,
          spanGaps: points === true,
          points: points ? { show: true, size: 9, fill: colour(key) } : { show: false },
          ...(points ? { paths: () => null } : {}),
          value: (_, value) => number(value),
        }),
      ),
    ],
  };
}

/** Whole steps: 1, 2, 5, 10 and so on. */
const wholes = Array.from({ length: 9 }, (_, power) =>
  [1, 2, 5].map((n) => n * 10 ** power),
).flat();

/** With as many digits as it takes to tell one from another. */
function ticks(all: readonly (number | null)[]): string[] {
  const texts = (digits: number): string[] =>
    all.map((value) => (value === null ? '' : short(value, digits)));
  const numbers = all.filter((value) => value !== null);
  for (let digits = 3; digits < 9; digits++) {
    const found = texts(digits);
    if (new Set(found.filter((text) => text !== '')).size === new Set(numbers).size) return found;
  }
  return texts(9);
}

/** A dashed line at each step where something happened. */
function drawMarks(plot: uPlot, steps: readonly number[], colour: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const step of steps) {
    const x = plot.valToPos(step, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

/** Means of the values within `reach` places on either side; gaps stay gaps. */
export function smoothed(values: readonly (number | null)[], reach: number): (number | null)[] {
  return values.map((value, i) => {
    if (value === null) return null;
    const near = values
      .slice(Math.max(0, i - reach), i + reach + 1)
      .filter((each) => each !== null);
    return near.reduce((sum, each) => sum + each, 0) / near.length;
  });
}
