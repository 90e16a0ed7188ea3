import type { ShownRow } from '../batch/inspect.ts';
import type { TrainConfig } from '../config.ts';
import { AttuneError } from '../errors.ts';
import { count } from '../train/format.ts';
import { inspectRows } from '../train/inspect.ts';
import { version } from '../version.ts';
import { readConfig } from './keys.ts';
import { print, printJson } from './report.ts';
import { rowText } from './rowtext.ts';
import { interruptSignal } from './signals.ts';

/** Rows of a page where nothing else is asked for; a browser takes more, slower. */
const pageRows = 100_000;

/** `attune inspect`: rows as training sees them, coloured, as JSON lines, or as a page. */
export async function inspect(words: string[]): Promise<void> {
  const { resolved, own } = await readConfig(words, ['json', 'html', 'rows', 'losses', 'measure']);
  const { config, notes } = resolved;
  const rows = own.rows === undefined ? Number.POSITIVE_INFINITY : Number(own.rows);
  if (!(rows >= 1)) throw new AttuneError('config', '--rows: expected a number of rows');
  for (const note of notes) process.stderr.write(`note: ${note}\n`);
  if (own.html !== undefined) return writePage(config, own, rows);
  if (own.losses !== undefined) throw new AttuneError('config', '--losses: needs --html FILE');
  if (!own.json) return writeText(config, own.measure ?? null, rows);
  if (own.measure !== undefined) throw new AttuneError('config', '--measure: not with --json');
  let done = 0;
  for await (const row of inspectRows(config)) {
    await print(JSON.stringify(row));
    if (++done >= rows || process.stdout.destroyed) return;
  }
}

async function writeText(config: TrainConfig, measure: unknown, rows: number): Promise<void> {
  checkMeasure(measure);
  const { terminalTexts } = await import('../inspect/terminal.ts');
  const colours = process.stdout.isTTY ?? false;
  const render = (row: ShownRow) => rowText(row, colours);
  for await (const text of terminalTexts(config, { rows, measure, render })) {
    await print(text);
    if (process.stdout.destroyed) return;
  }
}

function checkMeasure(measure: unknown): asserts measure is boolean | null {
  if (typeof measure !== 'boolean' && measure !== null) {
    throw new AttuneError('config', '--measure: expected no value');
  }
}

async function writePage(
  config: TrainConfig,
  own: { html?: unknown; json?: unknown; losses?: unknown; measure?: unknown },
  rows: number,
): Promise<void> {
  const { html, losses = null, measure = null } = own;
  if (typeof html !== 'string') throw new AttuneError('config', '--html: expected a file');
  if (typeof losses !== 'string' && losses !== true && losses !== null) {
    throw new AttuneError('config', '--losses: expected the output_dir of a run, or nothing');
  }
  checkMeasure(measure);
  const { writeDataPage } = await import('../inspect/page.ts');
  let next = 0;
  await writeDataPage(config, html, {
    rows: Math.min(rows, pageRows),
    losses,
    measure,
    version,
    signal: interruptSignal('stopping'),
    onProgress(done, of) {
      if (performance.now() < next) return;
      next = performance.now() + 1000;
      process.stderr.write(`read ${count(done)} of ${count(of)} rows\n`);
    },
  });
  if (own.json) await printJson({ html });
  else await print(html);
}
