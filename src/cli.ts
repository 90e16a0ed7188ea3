#!/usr/bin/env node
import './cli/signals.ts';

// Loaded once signals are heard.
const { Command, CommanderError } = await import('commander');
const { addData } = await import('./cli/data.ts');
const { configHelp } = await import('./cli/help.ts');
const { report } = await import('./cli/report.ts');
const { version } = await import('./version.ts');

/** Words of a verb whose keys come from the configuration table, and are parsed there. */
type Verb = (words: string[]) => Promise<void>;

const INSPECT_HELP = `
--rows N        the first N rows alone; with --html at most N, evenly spread [100000]
--json          one object a line
--html FILE     a page of its own to look at, search and filter the data
--losses [DIR]  with --html: each row's loss under the model and adapter, or under the result in DIR
--measure       times the model even where its weights are large; --no-measure: never
and the keys of train.
`;

const program = new Command('attune')
  .description('Supervised fine-tuning of language models at native speed')
  .version(version, '-V, --version', 'print the version')
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text) });

/** A verb with the keys of the configuration. The module is loaded when the verb is used. */
function keyed(name: string, text: string, help: () => string, load: () => Promise<Verb>): void {
  program
    .command(name)
    .description(text)
    .usage('[--config FILE] [--key value …]')
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', help)
    .action(async (_, command) => (await load())(command.args));
}

keyed(
  'train',
  'one fine-tuning run',
  configHelp,
  async () => (await import('./cli/train.ts')).train,
);
keyed(
  'inspect',
  'show rows as training sees them',
  () => `${INSPECT_HELP}${configHelp()}`,
  async () => (await import('./cli/inspect.ts')).inspect,
);
keyed(
  'eval',
  'token-weighted loss on files',
  () => '\n--model M [--adapter A] --data F, and the keys of train that say how data is read',
  async () => (await import('./cli/eval.ts')).evaluate,
);
keyed(
  'info',
  'devices, instruction sets, libraries; with --model the memory plan',
  () => '\n[--model M], and the keys of train',
  async () => (await import('./cli/info.ts')).info,
);

addData(program);

program
  .command('generate')
  .description('continue a prompt')
  .requiredOption('--model <dir>', 'model directory')
  .option('--adapter <dir>', 'PEFT adapter directory')
  .requiredOption('--prompt <text>', 'text to continue; empty: begin with the BOS token')
  .option('--chat', 'the prompt is what a user says: render it with the chat template')
  .option('--max-new-tokens <n>', 'most tokens to make', '256')
  .option('--temperature <t>', '0 takes the most likely token', '0')
  .option('--top-k <k>', 'only the k most likely tokens; 0: all', '0')
  .option('--top-p <p>', 'only the most likely tokens that add up to p', '1')
  .option('--seed <n>', 'seed of sampling', '42')
  .option('--dtype <type>', 'bfloat16 or float32')
  .option('--device <name>', 'auto, cpu, cuda or cuda:N', 'auto')
  .option('--json', 'one JSON document on stdout')
  .action(async (options) => (await import('./cli/generate.ts')).generate(options));

program
  .command('merge')
  .description('write a plain checkpoint of a model and its adapter')
  .requiredOption('--model <dir>', 'model directory')
  .requiredOption('--adapter <dir>', 'PEFT adapter directory')
  .requiredOption('--output-dir <dir>', 'directory for the checkpoint')
  .option('--json', 'one JSON document on stdout')
  .action(async (options) => (await import('./cli/merge.ts')).merge(options));

program
  .command('report')
  .description('write the report of a run anew, also of one that was killed')
  .argument('<dir>', 'output_dir of the run')
  .action(async (dir: string) => (await import('./cli/runreport.ts')).runReport(dir));

program
  .command('bench')
  .description('the kernel and training benchmarks')
  .argument('[name]', 'one of them')
  .action(async (name?: string) => (await import('./cli/bench.ts')).bench(name));

// A terminal that is gone ends no run.
process.stderr.on('error', () => {});
// The reader has seen enough: `attune inspect … | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  // commander has printed its own message.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else process.exitCode = report(error);
}
// At once: what still runs in the background was interrupted, and while a process winds down by itself
// a signal would end it as one that nobody handles.
process.exit();
