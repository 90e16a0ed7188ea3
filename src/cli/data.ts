import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CurateOptions, CurateReport, LeftRow } from '../curate/index.ts';
import { print, printJson } from './report.ts';
import { interruptSignal } from './signals.ts';

type Curation = typeof import('../curate/index.ts');

/** Flags in camelCase; `data` takes the files, and the rest is what the verb's function takes. */
type Flags = Omit<CurateOptions, 'files'> & { json?: boolean } & Record<string, unknown>;

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value))
    throw new InvalidArgumentError('Not a number.');
  return value;
}

const list = (text: string, before: readonly string[] = []): string[] => [...before, text];

/** A verb on rows: its flags are those of every verb and its own. */
function verb(data: Command, name: string, text: string, run: keyof Curation): Command {
  return data
    .command(name)
    .description(text)
    .argument('<files...>', 'files or directories of rows; - is standard input')
    .option(
      '--output <file>',
      'where the rows go, as JSON Lines; without it only the report is made',
    )
    .option('--report <file>', 'write the report with every row that is left out, as JSON')
    .option('--json', 'the report as one JSON document on stdout')
    .option(
      '--by <what>',
      'what of a row is looked at: all, prompt, completion, or a column (a.b inside one)',
      'all',
    )
    .option('--dataset-text-field <column>', 'column of plain text', 'text')
    .option('--formatting-func <module#export>', 'function that makes rows of what the files hold')
    .addOption(
      new Option(
        '--on-bad-row <what>',
        'rows that cannot be read: an error, or left out and counted',
      )
        .choices(['error', 'skip'])
        .default('error'),
    )
    .action(async (files: string[], { json, ...flags }: Flags) => {
      const curation = await import('../curate/index.ts');
      const signal = interruptSignal('stopping');
      const progress = showProgress(name);
      const options = { ...flags, files, signal, onProgress: progress.show };
      const call = curation[run] as (options: CurateOptions) => Promise<CurateReport>;
      const report = await call(options).finally(progress.end);
      if (json) await printJson(report);
      else await print(reportText(report));
    });
}

/** Adds `attune data` and its verbs. */
export function addData(program: Command): void {
  const data = program
    .command('data')
    .description('curate rows before training: what stays is written as it was read');

  verb(data, 'dedupe', 'leave out rows that repeat an earlier one', 'dedupe')
    .option('--method <name>', 'exact, minhash (and exact), or rouge-l (and exact)', 'minhash')
    .option(
      '--threshold <t>',
      'least Jaccard similarity [0.8], or ROUGE-L to be passed [0.7]',
      number,
    )
    .option('--shingle <n>', 'words of a shingle of minhash [5]', number)
    .option('--permutations <n>', 'hash functions of minhash [128]', number)
    .option('--seed <n>', 'seed of the hash functions [42]', number)
    .option(
      '--against <file>',
      'rows that count as kept before all others (may be repeated)',
      list,
    );

  verb(data, 'filter', 'leave out rows by length, language, or Self-Instruct’s filters', 'filter')
    .option('--min-chars <n>', 'fewest characters', number)
    .option('--max-chars <n>', 'most characters', number)
    .option('--min-words <n>', 'fewest words', number)
    .option('--max-words <n>', 'most words', number)
    .option('--min-tokens <n>', 'fewest tokens; needs --tokenizer', number)
    .option('--max-tokens <n>', 'most tokens; needs --tokenizer', number)
    .option('--tokenizer <dir>', 'directory of a model or tokenizer')
    .option('--languages <codes>', 'languages that stay, as en,de (ISO 639-1)', (text: string) =>
      text.split(',').map((code) => code.trim()),
    )
    .option('--sure-language', 'leave out texts whose language is not certain, too')
    .option('--self-instruct', 'Self-Instruct’s filters of instructions, inputs and outputs');

  verb(
    data,
    'decontaminate',
    'leave out rows that share text with evaluation rows',
    'decontaminate',
  )
    .requiredOption('--against <file>', 'evaluation rows (may be repeated)', list)
    .option('--ngram <n>', 'words that must be shared in one piece [13]', number)
    .option(
      '--common <n>',
      'passages of more evaluation rows than this are passed over [10]',
      number,
    );

  verb(data, 'select', 'keep N rows that differ as much as possible', 'select').requiredOption(
    '--rows <n>',
    'how many rows to keep',
    number,
  );

  verb(data, 'split', 'split rows into training and evaluation, equal texts together', 'split')
    .requiredOption('--eval-rows <n>', 'rows for evaluation: a number, or a share below 1', number)
    .option('--eval-output <file>', 'where the rows for evaluation go')
    .option('--seed <n>', 'which rows [42]', number);

  verb(data, 'convert', 'write conversations of any shape as OpenAI’s chat format', 'convert');
}

/** How far a verb is, on stderr: one line that changes on a terminal, else a line now and then. */
function showProgress(name: string): {
  show(done: number, total: number): void;
  end(): void;
} {
  const isTerminal = process.stderr.isTTY ?? false;
  let next = performance.now() + 1000;
  let isShown = false;
  return {
    show(done, total) {
      if (performance.now() < next) return;
      next = performance.now() + (isTerminal ? 200 : 5000);
      const text = `${name}: ${done} of ${total} rows`;
      process.stderr.write(isTerminal ? `\r\x1b[K${text}` : `${text}\n`);
      isShown = true;
    },
    end() {
      if (isTerminal && isShown) process.stderr.write('\r\x1b[K');
    },
  };
}

/** A report as a person reads it. */
export function reportText({ read, kept, left, notes, written }: CurateReport): string {
  const gone = left.reduce((sum, { count }) => sum + count, 0);
  const lines = [`rows: read ${read} = kept ${kept} + left out ${gone}`];
  for (const { reason, count, examples } of left) {
    lines.push(`  ${reason}: ${count}`, ...examples.map((row) => `    ${rowText(row)}`));
  }
  for (const note of notes) lines.push(`note: ${note}`);
  for (const path of written) lines.push(`wrote ${path}`);
  return lines.join('\n');
}

function rowText({ file, line, of, similarity, detail }: LeftRow): string {
  const parts = [`${file}:${line}`];
  if (of) parts.push(`~ ${of.file}:${of.line}`);
  if (similarity !== undefined && similarity < 1) parts.push(`(${similarity.toFixed(3)})`);
  if (detail) parts.push(JSON.stringify(detail));
  return parts.join(' ');
}
