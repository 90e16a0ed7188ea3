import { statSync } from 'node:fs';
import { Dataset } from '../batch/dataset.ts';
import type { ShownRow } from '../batch/inspect.ts';
import type { TrainConfig } from '../config.ts';
import { listFiles } from '../data/files.ts';
import type { DataOptions } from '../data/options.ts';
import { duration, short } from '../page/numbers.ts';
import { trainingData } from '../train/data.ts';
import { accountingLines, bytes, count } from '../train/format.ts';
import { modelSpec } from '../train/inspect.ts';
import { findSpeed, runSize } from './cost.ts';

/** Data that is read to its end in a moment, though only some rows are asked for. */
const quickBytes = 64 << 20;
/** Rows that speed is measured with. */
const sampleRows = 256;

export interface TerminalRequest {
  /** The most rows that are shown. */
  rows: number;
  /** Whether the speed is measured where no earlier run tells it; null: where the weights are small. */
  measure: boolean | null;
  render(row: ShownRow): string;
}

/** Rows as text, and behind them what became of all rows and what a run of them would take. */
export async function* terminalTexts(
  config: TrainConfig,
  { rows, measure, render }: TerminalRequest,
): AsyncGenerator<string> {
  const spec = await modelSpec(config);
  const options = await trainingData(config, spec.vocabularySize);
  const size = sizeOf(options);
  const isWhole = rows === Number.POSITIVE_INFINITY || size <= quickBytes;
  const dataset = await Dataset.open(
    { ...options, streaming: false, readAll: true },
    { encode: isWhole },
  );
  const samples: ShownRow[] = [];
  let shown = 0;
  try {
    for await (const row of dataset.shown()) {
      yield render(row);
      if (samples.length < sampleRows && row.dropped === null) samples.push(row);
      if (++shown >= rows) break;
    }
    if (!isWhole) {
      yield `cost: not worked out for ${bytes(size)} of data where --rows is given`;
      return;
    }
    const account = await dataset.accounting();
    yield* accountingLines(account);
    const run = runSize(config, spec, account);
    yield `a run: ${count(run.steps)} steps, ${short(run.epochs)} epochs, ${count(run.tokens)} tokens, ${count(run.trainedTokens)} of them trained; ${short(run.parameters)} parameters, ${short(run.flops)}FLOP`;
    const { tokensPerSecond, from } = await findSpeed(config, samples, measure);
    yield tokensPerSecond === null
      ? `  time: unknown. ${from}`
      : `  time: ${duration(run.tokens / tokensPerSecond)} at ${count(tokensPerSecond)} tokens a second. ${from}`;
  } catch (error) {
    // The rows that were asked for are sound.
    if (shown < rows) throw error;
    yield `cost: unknown. ${(error as Error).message}`;
  } finally {
    await dataset.close();
  }
}

/** Bytes of the files, where they have a size. */
function sizeOf({ files }: DataOptions): number {
  return listFiles(files).reduce(
    (sum, { path }) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}
