import type { TrainConfig } from '../config.ts';
import { AttuneError } from '../errors.ts';
import { count } from '../train/format.ts';
import { inspectRows, shownRows } from '../train/inspect.ts';
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
  for (const flag of ['losses', 'measure'] as const) {
    if (own[flag] !== undefined) throw new AttuneError('config', `--${flag}: needs --html FILE`);
  }
  const colours = process.stdout.isTTY ?? false;
  const shown = own.json ? jsonLines(config) : rowTexts(config, colours);
  let done = 0;
  for await (const text of shown) {
    await print(text);
    if (++done >= rows || process.stdout.destroyed) return;
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
  if (typeof measure !== 'boolean' && measure !== null) {
    throw new AttuneError('config', '--measure: expected no value');
  }
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

async function* jsonLines(config: TrainConfig): AsyncGenerator<string> {
  for await (const row of inspectRows(config)) yield JSON.stringify(row);
}

async function* rowTexts(config: TrainConfig, colours: boolean): AsyncGenerator<string> {
  for await (const row of shownRows(config)) yield rowText(row, colours);
}
