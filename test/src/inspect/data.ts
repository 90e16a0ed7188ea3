/** A model directory of the tiny tokenizer, rows of every kind, and the page of them. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveOptions, type TrainOptions } from '../../../src/config.ts';
import { type PageRequest, writeDataPage } from '../../../src/inspect/page.ts';
import { tinyDirectory } from '../tokenizer/tiny.ts';

/** Enough of a Llama for what needs no weights. */
const llama = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  vocab_size: 267,
  hidden_size: 16,
  intermediate_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  max_position_embeddings: 512,
};

export const modelDir = tinyDirectory();
writeFileSync(join(modelDir, 'config.json'), JSON.stringify(llama));

export const workDir = mkdtempSync(join(tmpdir(), 'attune-page-'));

const says = (user: string, assistant: string): object => ({
  messages: [
    { role: 'user', content: user },
    { role: 'assistant', content: assistant },
  ],
});

const long = 'A sentence of several words that goes on and on, with a number at its end: ';
/** Text that would run or reorder, were it taken for anything but text. */
export const hostile = [
  '</script><script>window.hacked = 1</script>',
  '<img src=x onerror="window.hacked = 2">',
  '<!--<script>window.hacked = 3',
  ']]><svg onload=alert(4)>',
  '\u202egnihtyna\u202c \u2066\u0001\u001b[31m\u2069',
];

/** Rows: 40 ordinary ones, copies, near-copies, one to cut, one cut to nothing, hostile, other scripts. */
export const trainRows = [
  ...Array.from({ length: 40 }, (_, i) => says(`Question ${i}?`, `Answer ${i} is ${i * i}.`)),
  says('The same twice', 'in every letter'),
  says('The same twice', 'in every letter'),
  says(`${long.repeat(2)} one`, 'Yes.'),
  says(`${long.repeat(2)} two`, 'Yes.'),
  says('Tell', 'me more. '.repeat(60)),
  says('Before the answer there is too much. '.repeat(20), 'So it is cut off.'),
  ...hostile.map((text) => says(text, text)),
  says('مرحبا، كيف حالك؟', 'שלום עולם, 你好 👩\u200d👧 नमस्ते'),
];
export const evalRows = [says('Unseen', 'by training'), says('The same twice', 'in every letter')];

export function writeRows(name: string, rows: readonly object[]): string {
  const path = join(workDir, name);
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

let plain: Promise<string> | null = null;

/** The page of these rows as it comes, written once for all tests. */
export function plainPage(): Promise<string> {
  plain ??= makePage('plain.html');
  return plain;
}

/** Writes a page of these rows and returns its path. */
export async function makePage(
  name: string,
  options: Partial<TrainOptions> = {},
  request: Partial<PageRequest> = {},
): Promise<string> {
  const path = join(workDir, name);
  const { config } = resolveOptions({
    model: modelDir,
    trainFile: writeRows('train.jsonl', trainRows),
    evalFile: writeRows('eval.jsonl', evalRows),
    maxLength: 300,
    datasetNumProc: 1,
    outputDir: join(workDir, 'none'),
    ...options,
  });
  await writeDataPage(config, path, {
    rows: 1000,
    losses: null,
    measure: false,
    version: '0.0.0',
    ...request,
  });
  return path;
}
