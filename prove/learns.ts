/**
 * Learning is real: stories260K, a pretrained model, fine-tuned on the Alpaca rows as any user would,
 * by the command line, on rows that it then has not seen. One row in ten is held out; their loss has to
 * fall, and to be that of plain PyTorch after the same rows in the same order (scripts/golden/learns.py).
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kebabCase } from '../src/config/spelling.ts';
import { attune, main, type ProofOptions, ROOT, type Verdict, workspace } from './lib/proof.ts';
import { type Options, trainToEnd } from './lib/runs.ts';

const STORIES = join(ROOT, '../shared/models/stories260K');
const DATA = join(ROOT, '../shared/data/alpaca-en/alpaca_en_demo.json');
const HELD_OUT = 10;
/** Nats a token that one epoch has to reach, and how far PyTorch's may be. */
const REACHED = 2.6;
const APART = 0.005;
/** Runs, each from the pretrained model; `--trials` is the longest. */
const EPOCHS = [1, 3];

interface Golden {
  config: Record<string, string | number>;
  rows: { trained: number; held_out: number };
  held_out_tokens: number;
  /** By epochs trained. */
  held_out_nll: Record<string, number>;
}

interface Evaluated {
  nll: number;
  tokens: number;
}

/** Loss of a model on rows, in a process of its own. */
function evaluate(options: Options): Evaluated {
  const flags = Object.entries(options).map(([key, value]) => `--${kebabCase(key)}=${value}`);
  const words = [attune(), 'eval', '--json', ...flags];
  const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
  return JSON.parse(execFileSync(process.execPath, words, { encoding: 'utf8', stdio }));
}

export async function proveLearns({ trials: most, short }: ProofOptions): Promise<Verdict> {
  if (!existsSync(DATA)) return { line: 'SKIPPED 1: ../shared is absent', holds: true };
  const golden: Golden = JSON.parse(readFileSync(join(ROOT, 'test/golden/learns.json'), 'utf8'));
  const dir = workspace();
  const rows: unknown[] = JSON.parse(readFileSync(DATA, 'utf8'));
  const write = (name: string, isWanted: (row: number) => boolean): string => {
    const chosen = rows.filter((_, i) => isWanted(i)).map((row) => JSON.stringify(row));
    writeFileSync(join(dir, name), `${chosen.join('\n')}\n`);
    return join(dir, name);
  };
  const data = write('held-out.jsonl', (i) => i % HELD_OUT === 0);
  const trainFile = write('rows.jsonl', (i) => i % HELD_OUT !== 0);
  const { config } = golden;
  const reading: Options = { dtype: config.dtype!, maxLength: config.max_length! };
  const lossAfter = async (epochs: number): Promise<Evaluated> => {
    if (epochs === 0) return evaluate({ model: STORIES, data, ...reading });
    const outputDir = join(dir, `epochs-${epochs}`);
    await trainToEnd({
      ...config,
      model: STORIES,
      trainFile,
      outputDir,
      method: 'full',
      numTrainEpochs: epochs,
      saveStrategy: 'no',
    });
    return evaluate({ model: outputDir, data, ...reading });
  };
  const failures: string[] = [];
  const told: string[] = [];
  const losses = new Map<number, number>();
  // Before training alone in the short form, which takes no minute.
  for (const epochs of short ? [0] : [0, ...EPOCHS.filter((each) => each <= most)]) {
    const { nll, tokens } = await lossAfter(epochs);
    losses.set(epochs, nll);
    const expected = golden.held_out_nll[epochs];
    const apart = expected === undefined ? 0 : nll / expected - 1;
    const beside = expected === undefined ? '' : ` (${(100 * apart).toFixed(4)} % from PyTorch's)`;
    const when =
      epochs === 0 ? 'before' : `after ${epochs} epochs`.replace(/^(after 1 epoch)s/, '$1');
    told.push(`${nll.toFixed(4)} ${when}${beside}`);
    if (tokens !== golden.held_out_tokens) failures.push(`${tokens} tokens were evaluated`);
    if (!(Math.abs(apart) <= APART)) failures.push(`${epochs} epochs: PyTorch has ${expected}`);
  }
  if (!short && !(losses.get(1)! <= REACHED)) failures.push(`more than ${REACHED} after one epoch`);
  for (const failure of failures) console.error(failure);
  return {
    holds: failures.length === 0 && losses.size > 0,
    line: `${golden.rows.trained} of ${rows.length} Alpaca rows trained; loss of the other ${golden.rows.held_out}: ${told.join(', ')}`,
  };
}

await main(import.meta.url, 1, proveLearns);
