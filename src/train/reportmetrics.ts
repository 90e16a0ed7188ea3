import type { Curves, EvaluationPoint, RunEvent } from '../page/run.ts';

/** Points that a chart shows well. */
const mostPoints = 4000;

/** What metrics.jsonl says, as a report shows it. */
export interface Metrics {
  curves: Curves;
  rowsPerPoint: number;
  evaluations: EvaluationPoint[];
  events: RunEvent[];
  lastStep: number;
  lastEpoch: number;
  tokens: number;
  seconds: number;
}

type Row = Record<string, unknown>;

/**
 * Reads the text of metrics.jsonl. Rows that are neither of a step nor of an evaluation are events;
 * so are values that are not finite. A line that is no JSON, the torn last one of a run that was
 * killed say, is an event too.
 */
export function readMetrics(text: string): Metrics {
  const steps: Row[] = [];
  const evaluations: EvaluationPoint[] = [];
  const events: RunEvent[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const row = parsed(line);
    if (row === null) events.push({ step: null, text: `metrics.jsonl:${i + 1} is torn` });
    else if ('eval_loss' in row) evaluations.push(evaluationPoint(row));
    else if ('loss' in row) steps.push(row);
    else events.push(eventOf(row));
  }
  const told = new Set(events.map(({ step }) => step));
  for (const row of steps) {
    if (told.has(finite(row.step))) continue;
    for (const key of ['loss', 'grad_norm']) {
      if (finite(row[key]) !== null || row[key] === null) continue;
      events.push({ step: finite(row.step), text: `${key} is ${String(row[key])}` });
    }
  }
  events.sort(
    (a, b) => (a.step ?? Number.POSITIVE_INFINITY) - (b.step ?? Number.POSITIVE_INFINITY),
  );
  const last = [...steps, ...evaluations].reduce<{ step: number; epoch: number }>(
    (most, { step, epoch }) =>
      Number(step) >= most.step ? { step: Number(step), epoch: Number(epoch) } : most,
    { step: 0, epoch: 0 },
  );
  const size = Math.max(1, Math.ceil(steps.length / mostPoints));
  return {
    curves: curvesOf(steps, size),
    rowsPerPoint: size,
    evaluations,
    events,
    lastStep: last.step,
    lastEpoch: last.epoch,
    tokens: finite(steps.at(-1)?.num_tokens) ?? 0,
    seconds: secondsOf(steps),
  };
}

function parsed(line: string): Row | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Row)
      : null;
  } catch {
    return null;
  }
}

function finite(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function evaluationPoint(row: Row): EvaluationPoint {
  return {
    step: finite(row.step) ?? 0,
    epoch: finite(row.epoch) ?? 0,
    loss: finite(row.eval_loss),
    accuracy: finite(row.eval_mean_token_accuracy),
    tokens: finite(row.eval_tokens) ?? 0,
    seconds: finite(row.eval_runtime) ?? 0,
  };
}

/** What a guard noticed and did; of any other row its keys and values. */
function eventOf({ step, epoch: _, ...row }: Row): RunEvent {
  const {
    guard,
    guard_action: action,
    guard_step: at,
    guard_loss: loss,
    guard_grad_norm: norm,
  } = row;
  if (typeof guard !== 'string') {
    const facts = Object.entries(row).map(([key, value]) => `${key} ${JSON.stringify(value)}`);
    return { step: finite(step), text: facts.join(', ') };
  }
  const back = at === step ? '' : `, back to step ${step}`;
  const text = `${guard}: ${action}${back}; loss ${shown(loss)}, gradient norm ${shown(norm)}`;
  return { step: finite(at ?? step), text };
}

/** A number of a row, which is text where JSON has none. */
function shown(value: unknown): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(4))) : String(value);
}

/** Means of `size` rows each; of gradient norms the largest, for spikes are what is looked for. */
function curvesOf(steps: readonly Row[], size: number): Curves {
  const curves: Curves = {
    step: [],
    loss: [],
    learningRate: [],
    gradNorm: [],
    tokensPerSecond: [],
    accuracy: [],
    entropy: [],
  };
  for (let start = 0; start < steps.length; start += size) {
    const rows = steps.slice(start, start + size);
    const values = (key: string) =>
      rows.map((row) => finite(row[key])).filter((value) => value !== null);
    const mean = (key: string) => {
      const all = values(key);
      return all.length === 0 ? null : all.reduce((sum, value) => sum + value, 0) / all.length;
    };
    const norms = values('grad_norm');
    curves.step.push(finite(rows.at(-1)?.step) ?? 0);
    curves.loss.push(mean('loss'));
    curves.learningRate.push(mean('learning_rate'));
    curves.gradNorm.push(norms.length === 0 ? null : Math.max(...norms));
    curves.tokensPerSecond.push(mean('tokens_per_second'));
    curves.accuracy.push(mean('mean_token_accuracy'));
    curves.entropy.push(mean('entropy'));
  }
  return curves;
}

/** step_seconds is a mean over the steps since the row before. */
function secondsOf(steps: readonly Row[]): number {
  let seconds = 0;
  let before = 0;
  for (const row of steps) {
    const step = finite(row.step) ?? before;
    seconds += (finite(row.step_seconds) ?? 0) * Math.max(0, step - before);
    before = step;
  }
  return seconds;
}
