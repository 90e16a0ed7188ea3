/** Pages of many rows that were never tokenized. */
import { join } from 'node:path';
import type { ShownRow } from '../../../src/batch/inspect.ts';
import { writeParts } from '../../../src/checkpoint/files.ts';
import { RowCollector } from '../../../src/inspect/rows.ts';
import { dataPage } from '../../../src/page/html.ts';
import type { DataPage } from '../../../src/page/model.ts';
import { workDir } from '../inspect/data.ts';

/** A page of `count` rows, with losses of i / 50 where they are asked for. */
export async function manyRows(count: number, losses = false): Promise<string> {
  const collector = new RowCollector();
  for (let i = 0; i < count; i++) {
    collector.add(manyRow(i), 0, losses ? Float32Array.of(Number.NaN, i / 50, i / 50) : null);
  }
  const { columns, chunks } = await collector.finish();
  const path = join(workDir, `many-${count}.html`);
  const page = { ...model(count), chunks: collector.starts, lossesOf: losses ? 'out' : null };
  await writeParts(path, dataPage(page, columns, chunks));
  return path;
}

function manyRow(i: number): ShownRow {
  const text = `Row number ${i} says ${(i * 2654435761) % 1000003}.`;
  const middle = text.indexOf(' says');
  const ids = Int32Array.of(1, 2 + (i % 1000), 3);
  return {
    index: i,
    value: null,
    place: { file: 'many.jsonl', line: i + 1 },
    text,
    spans: [],
    ids,
    labels: Int32Array.of(-100, 2, 3),
    offsets: Int32Array.of(0, 4, 4, middle, middle, text.length),
    whole: 3 + (i % 40),
    truncated: i % 40 > 0,
    dropped: null,
  };
}

function model(rows: number): DataPage {
  const account = {
    available: rows,
    read: rows,
    trained: rows,
    leftOut: [],
    quarantined: { count: 0, examples: [] },
    truncated: 0,
  };
  return {
    title: 'Many rows',
    version: '0.0.0',
    made: new Date(0).toISOString(),
    model: 'none',
    settings: [],
    sources: [{ file: 'many.jsonl', role: 'train', rows, weight: 1, used: rows }],
    available: rows,
    every: 1,
    rows,
    account: { ...account, tokens: 3 * rows, trainedTokens: 2 * rows, rows, fill: 1 },
    maxLength: 3,
    reasons: [],
    names: {},
    packing: [],
    fills: [],
    cost: {
      steps: 1,
      epochs: 1,
      tokens: 1,
      trainedTokens: 1,
      parameters: 1,
      flops: 1,
      tokensPerSecond: null,
      from: '',
    },
    duplicates: { threshold: 0.8, cut: 0 },
    lossesOf: null,
    chunks: [],
  };
}
