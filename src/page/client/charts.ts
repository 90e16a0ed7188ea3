import type { RunPage } from '../run.ts';
import { chart, type Series, smoothed } from './chart.ts';
import { el } from './dom.ts';

/** Points from which on a curve is drawn smoothed. */
const enough = 40;

/** Every curve of a run. */
export function charts({ curves, evaluations, events, rowsPerPoint }: RunPage): HTMLElement {
  const { step } = curves;
  if (step.length === 0) return el('p', { class: 'notice' }, 'metrics.jsonl has no row of a step.');
  const line = (name: string, values: (number | null)[], colour = 'accent'): Series[] => {
    if (values.length < enough) return [{ name, values, colour }];
    return [
      { name, values, colour, faint: true },
      { name: 'smoothed', values: smoothed(values, Math.ceil(values.length / 40)), colour },
    ];
  };
  // A logarithm has no 0.
  const norms = curves.gradNorm.map((norm) => (norm === 0 ? null : norm));
  const marks = events.flatMap((event) => (event.step === null ? [] : [event.step])).slice(0, 200);
  const means =
    rowsPerPoint === 1
      ? ''
      : ` A point is the mean of ${rowsPerPoint} rows, of the gradient norm the largest.`;
  return el(
    'section',
    { at: { 'aria-label': 'Curves' } },
    el('h2', {}, 'Curves'),
    el(
      'div',
      { class: 'figures' },
      loss(step, line('training', curves.loss), evaluations, marks),
      chart('Learning rate', step, [
        { name: 'learning rate', values: curves.learningRate, colour: 'accent' },
      ]),
      chart('Gradient norm, before clipping', step, line('gradient norm', norms), {
        isLog: true,
        marks,
      }),
      chart('Tokens a second', step, line('tokens/s', curves.tokensPerSecond)),
      chart('Share of trained tokens predicted right', step, line('accuracy', curves.accuracy)),
      chart('Entropy of the predictions, nats', step, line('entropy', curves.entropy)),
    ),
    el(
      'p',
      { class: 'hint' },
      `Drag to look closer, double click to go back.${marks.length > 0 ? ' Dashed lines are events.' : ''}${means}`,
    ),
  );
}

/** Training and evaluation on one axis of steps. */
function loss(
  step: number[],
  training: Series[],
  evaluations: RunPage['evaluations'],
  marks: readonly number[],
): HTMLElement {
  const title = 'Loss, nats a trained token';
  if (evaluations.length === 0) return chart(title, step, training, { marks });
  const all = [...new Set([...step, ...evaluations.map((point) => point.step)])].sort(
    (a, b) => a - b,
  );
  const at = new Map(all.map((value, i) => [value, i]));
  const spread = (steps: number[], values: Series['values']): Series['values'] => {
    // Not null, which is a gap of the line.
    const out: (number | null | undefined)[] = all.map(() => undefined);
    for (const [i, value] of values.entries()) out[at.get(steps[i] ?? 0) ?? 0] = value;
    return out;
  };
  const steps = evaluations.map((point) => point.step);
  const values = evaluations.map((point) => point.loss);
  const evaluation: Series = {
    name: 'evaluation',
    values: spread(steps, values),
    colour: 'warn',
    points: true,
  };
  const lines = training.map((series) => ({ ...series, values: spread(step, series.values) }));
  return chart(title, all, [...lines, evaluation], { marks });
}
