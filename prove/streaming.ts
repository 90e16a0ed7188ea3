/**
 * Streaming holds a window or two, however large the files: resident memory while `--trials` MB of rows,
 * no two alike, go through the whole pipeline to the last batch, with every row accounted for, and
 * threads and open files as many as before.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { growth, type Resources, resources } from './lib/memory.ts';
import { built, main, type ProofOptions, ROOT, random, type Verdict } from './lib/proof.ts';

/** MiB that the second half may lie above the first, beyond twice their spread. */
const NOISE = 4;
/** Every so many rows are longer than max_length before their answer, and left out. */
const LEFT_OUT = 1000;

/** Writes conversations of words that nobody has written before; returns how many. */
function writeRows(path: string, megabytes: number, seed: number): number {
  const next = random(seed);
  const word = () => Math.floor(next() * 2 ** 32).toString(36);
  const words = (count: number) => Array.from({ length: count }, word).join(' ');
  const handle = openSync(path, 'w');
  let rows = 0;
  for (let written = 0; written < megabytes * 1e6; ) {
    const lines = Array.from({ length: 500 }, () => {
      const isLong = ++rows % LEFT_OUT === 0;
      const content = `${rows}: ${words(isLong ? 400 : 5 + 15 * next())}`;
      const answer = { role: 'assistant', content: words(10 + 60 * next() ** 3) };
      return `${JSON.stringify({ messages: [{ role: 'user', content }, answer] })}\n`;
    });
    written += writeSync(handle, lines.join(''));
  }
  closeSync(handle);
  return rows;
}

export async function proveStreaming({ trials, seed, short }: ProofOptions): Promise<Verdict> {
  const { Dataset } = await built<typeof import('../src/batch/dataset.ts')>('batch/dataset.js');
  const { resolveOptions } = await built<typeof import('../src/config.ts')>('config.js');
  const { trainingData } = await built<typeof import('../src/train/data.ts')>('train/data.js');
  const dir = mkdtempSync(join(tmpdir(), 'attune-prove-'));
  try {
    const trainFile = join(dir, 'rows.jsonl');
    const written = writeRows(trainFile, trials, seed);
    const { config } = resolveOptions({
      model: join(ROOT, 'examples/quickstart/base'),
      trainFile,
      maxSteps: 1,
      maxLength: 256,
      packing: 'bfd',
      datasetStreaming: true,
      datasetNumProc: 2,
      perDeviceTrainBatchSize: 8,
    });
    // Windows as they are usually, of small files smaller.
    const chunkBytes = Math.round(2 ** 20 * Math.min(1, trials / 1000));
    const windows = { chunkBytes, windowBytes: 32 * chunkBytes };
    const before = resources();
    const dataset = await Dataset.open(await trainingData(config, 1e6), { windows });
    const series: Resources[] = [];
    for await (const { progress } of dataset.batches(0)) {
      // The first fifth fills buffers and warms the heap up.
      if (progress > 0.2 + series.length / 100) series.push(resources());
    }
    const { read, trained, leftOut } = dataset.accountingSoFar();
    await dataset.close();
    const after = resources();
    const out = leftOut.reduce((sum, { count }) => sum + count, 0);
    const held = growth(series.map((each) => each.held));
    const resident = growth(series.map(({ memory }) => memory));
    const most = Math.max(...series.map(({ memory }) => memory));
    const told = ({ rise, noise }: typeof held) => `${rise.toFixed(1)} (noise ${noise.toFixed(1)})`;
    return {
      holds:
        series.length > 70 &&
        (short ? [held] : [held, resident]).every(({ rise, noise }) => rise <= NOISE + noise) &&
        read === written &&
        trained + out === read &&
        out === Math.floor(written / LEFT_OUT) &&
        after.threads <= before.threads &&
        after.files.length <= before.files.length,
      line: `${trials} MB streamed, ${read} of ${written} rows = ${trained} trained + ${out} left out: ${most.toFixed(0)} MiB at most, in the second half ${told(resident)} MiB more resident, ${told(held)} held; threads ${before.threads} then ${after.threads}, files ${before.files.length} then ${after.files.length}`,
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

await main(import.meta.url, 1100, proveStreaming);
