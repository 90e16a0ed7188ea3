// Data preparation on one thread: packing, and tokenizing beside @xenova/transformers itself.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PreTrainedTokenizer } from '@xenova/transformers/src/tokenizers.js';
import { Bench } from 'tinybench';
import { pack } from '../src/pack/pack.ts';
import { Tokenizer } from '../src/tokenizer/tokenizer.ts';

const root = join(import.meta.dirname, '..');
const dir = join(root, 'examples/quickstart/base');
const read = (name: string) => JSON.parse(readFileSync(join(dir, name), 'utf8'));
const text = readFileSync(join(root, 'examples/quickstart/train.jsonl'), 'utf8');
const lines = text.trim().split('\n');

// Log-normal lengths, as those of chats are.
let state = 7;
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return (state + 1) / 4294967297;
};
const lengths = Int32Array.from({ length: 1_000_000 }, () => {
  const normal = Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  return Math.max(1, Math.min(2048, Math.round(Math.exp(5.5 + 0.9 * normal))));
});

const tokenizer = await Tokenizer.load(dir);
const xenova = new PreTrainedTokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
const options = { addSpecialTokens: false };
for (const line of lines.slice(0, 200)) {
  const theirs: number[] = xenova.encode(line, null, { add_special_tokens: false });
  if (String([...tokenizer.encode(line, options).ids]) !== String(theirs)) {
    throw new Error(`the tokenizers differ on ${line}`);
  }
}

const packing = new Bench({ name: 'packing', time: 2000, iterations: 5 });
for (const strategy of ['bfd', 'bfd_split', 'wrapped'] as const) {
  packing.add(`packing, ${strategy}: 1M documents into rows of 2,048`, () => {
    pack(lengths, strategy, 2048);
  });
}
await packing.run();
const megabytes = Buffer.byteLength(text) / 1e6;
const tokenizing = new Bench({ name: 'tokenizing', time: 2000 });
tokenizing.add('attune, ids and offsets', () => {
  for (const line of lines) tokenizer.encode(line, options);
});
tokenizing.add('@xenova/transformers, ids', () => {
  for (const line of lines) xenova.encode(line, null, { add_special_tokens: false });
});
await tokenizing.run();
for (const strategy of ['bfd', 'bfd_split', 'wrapped'] as const) {
  const rows = pack(lengths, strategy, 2048).rows.length - 1;
  const fill = lengths.reduce((sum, length) => sum + length, 0) / (rows * 2048);
  console.log(`fill, ${strategy}: ${(100 * fill).toFixed(3)} %`);
}
for (const { name, tasks } of [packing, tokenizing]) {
  for (const task of tasks) {
    const result = task.result as { latency?: { p50: number } } | undefined;
    const ms = result?.latency?.p50 ?? Number.NaN;
    const rate = name === 'tokenizing' ? `  ${((1000 * megabytes) / ms).toFixed(1)} MB/s` : '';
    console.log(`${task.name.padEnd(55)} ${ms.toFixed(1).padStart(8)} ms${rate}`);
  }
}
