import type { SingleBar } from 'cli-progress';
import type { StepRecord, TrainResult } from './events.ts';
import { accountingLines, count, duration, planLines, short } from './format.ts';
import type { LogRow } from './metrics.ts';
import type { SFTTrainer } from './trainer.ts';

/** Where progress is shown: a terminal gets a bar, anything else plain lines. */
export type Output = NodeJS.WritableStream & { isTTY?: boolean; columns?: number };

/**
 * Shows a run: its plan, what became of the rows, loss, learning rate, speed and time left. The
 * function that it returns ends the display with a curve of the loss.
 */
export async function showProgress(
  trainer: SFTTrainer,
  output: Output,
): Promise<() => Promise<void>> {
  const bar = output.isTTY ? await makeBar(output) : null;
  const losses: number[] = [];
  const pace = new Pace();
  // The bar draws itself anew below the line at its next update.
  const line = (text: string) => output.write(`${bar ? '\r\x1b[K' : ''}${text}\n`);
  trainer.on('warning', (message) => line(`note: ${message}`));
  trainer.on('reading', ({ read, available }) => {
    const text = `read ${count(read)} of ${count(available)} rows`;
    if (output.isTTY) output.write(`\r\x1b[K${text}\r`);
    else line(text);
  });
  trainer.on('accounting', (accounting) => accountingLines(accounting).forEach(line));
  trainer.on('plan', (plan) => {
    planLines(plan).forEach(line);
    bar?.start(plan.totalSteps, plan.doneSteps, { text: '' });
  });
  trainer.on('step', (record) => {
    losses.push(record.loss);
    pace.add(record);
    bar?.update(record.step, { text: barText(record, pace) });
    if (!record.applied) line(`step ${record.step}: no update, its gradient is not usable`);
  });
  trainer.on('log', (row) => {
    if (!bar) line(rowLine(row, pace));
  });
  trainer.on('evaluate', (row) => line(`step ${row.step}  eval_loss ${short(row.eval_loss)}`));
  trainer.on('restart', ({ reason }) => line(`${reason}; another goes on`));
  trainer.on('checkpoint', (dir) => line(`checkpoint: ${dir}`));
  trainer.on('end', (result) => {
    bar?.stop();
    line(endLine(result));
  });
  return async () => {
    bar?.stop();
    const text = await lossCurve(losses, output.columns ?? 80);
    if (text) output.write(`${text}\n`);
  };
}

async function makeBar(output: Output): Promise<SingleBar> {
  const { default: progress } = await import('cli-progress');
  return new progress.SingleBar({
    stream: output,
    format: '{bar} {value}/{total}  {text}',
    barsize: 24,
    hideCursor: true,
    barCompleteChar: '█',
    barIncompleteChar: '░',
  });
}

/** Smoothed speed, and the time left at that speed. */
class Pace {
  tokensPerSecond = 0;
  left = Number.NaN;
  #secondsPerStep = 0;

  add({ step, totalSteps, tokens, seconds }: StepRecord): void {
    const keep = this.#secondsPerStep === 0 ? 0 : 0.9;
    this.tokensPerSecond = keep * this.tokensPerSecond + (1 - keep) * (tokens / seconds);
    this.#secondsPerStep = keep * this.#secondsPerStep + (1 - keep) * seconds;
    this.left = (totalSteps - step) * this.#secondsPerStep;
  }
}

function barText({ loss, learningRate }: StepRecord, pace: Pace): string {
  const speed = count(pace.tokensPerSecond);
  return `loss ${short(loss)}  lr ${short(learningRate)}  ${speed} tokens/s  ETA ${duration(pace.left)}`;
}

function rowLine(row: LogRow, pace: Pace): string {
  const parts = [
    `step ${row.step}`,
    `epoch ${row.epoch.toFixed(2)}`,
    `loss ${short(row.loss)}`,
    `lr ${short(row.learning_rate)}`,
    `grad_norm ${short(row.grad_norm)}`,
    `${count(row.tokens_per_second)} tokens/s`,
    `ETA ${duration(pace.left)}`,
  ];
  return parts.join('  ');
}

function endLine(result: TrainResult): string {
  const { steps, tokens, seconds, tokensPerSecond, loss, skipped, outputDir } = result;
  const left = skipped > 0 ? `, ${skipped} without an update` : '';
  return `done: ${steps} steps${left}, ${count(tokens)} tokens in ${duration(seconds)} (${count(tokensPerSecond)} tokens/s), mean loss ${short(loss)}; result in ${outputDir}`;
}

/** The losses as a chart of the terminal's width; empty for fewer than two that are finite. */
export async function lossCurve(losses: readonly number[], columns: number): Promise<string> {
  const finite = losses.filter((loss) => Number.isFinite(loss));
  if (finite.length < 2) return '';
  const { default: chart } = await import('asciichart');
  const width = Math.max(10, Math.min(finite.length, columns - 14));
  const points = Array.from({ length: width }, (_, i) => {
    const begin = Math.floor((i * finite.length) / width);
    const end = Math.max(begin + 1, Math.floor(((i + 1) * finite.length) / width));
    const part = finite.slice(begin, end);
    return part.reduce((sum, loss) => sum + loss, 0) / part.length;
  });
  return `loss\n${chart.plot(points, { height: 8 })}`;
}
