import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Dataset } from '../../../src/batch/dataset.ts';
import type { DataOptions } from '../../../src/data/options.ts';
import { file } from '../data/files.ts';
import { shared, sharedTest } from '../tokenizer/shared.ts';
import { directory } from '../tokenizer/tiny.ts';
import { options } from '../worker/options.ts';

interface Golden {
  template: string;
  cases: {
    name: string;
    options: Record<string, unknown>;
    rows: unknown[];
    expected: { ids: number[]; labels: number[]; lengths: number[] }[];
  }[];
}

const url = new URL('../../golden/sft_rows.json', import.meta.url);
const golden = JSON.parse(readFileSync(url, 'utf8')) as Golden;
const tokenizer = shared('tokenizers', 'gpt2', 'tokenizer.json');

function dataOptions(trl: Record<string, unknown>): Partial<DataOptions> {
  return {
    vocabularySize: 50257,
    chatTemplate: golden.template,
    maxLength: (trl.max_length as number | null) ?? null,
    truncationMode: (trl.truncation_mode as DataOptions['truncationMode']) ?? 'keep_start',
    packing: trl.packing ? ((trl.packing_strategy as DataOptions['packing']) ?? 'bfd') : false,
    completionOnlyLoss: (trl.completion_only_loss as boolean | undefined) ?? null,
    assistantOnlyLoss: (trl.assistant_only_loss as boolean | undefined) ?? null,
  };
}

/** Labels as they are trained: shifted, none across the start of a document. */
function shifted(labels: readonly number[], lengths: readonly number[]): number[] {
  let start = 0;
  return lengths.flatMap((length) => {
    const document = labels.slice(start + 1, start + length);
    start += length;
    return [...document, -100];
  });
}

for (const { name, options: trl, rows, expected } of golden.cases) {
  sharedTest(`${name}: rows of TRL`, [tokenizer], async () => {
    const tokenizerDir = directory({ 'tokenizer_config.json': { eos_token: '<|endoftext|>' } });
    copyFileSync(tokenizer, join(tokenizerDir, 'tokenizer.json'));
    const files = [file('a.json', JSON.stringify(rows))];
    const dataset = await Dataset.open(options({ files, tokenizerDir, ...dataOptions(trl) }));
    try {
      let index = 0;
      for await (const { tokens, targets, segments } of dataset.batches(0)) {
        const row = expected[index++];
        assert.equal([...tokens], row?.ids, `ids of row ${index}`);
        assert.equal(
          [...segments].slice(1).map((end, i) => end - (segments[i] ?? 0)),
          row?.lengths,
        );
        assert.equal([...targets], shifted(row?.labels ?? [], row?.lengths ?? []), `row ${index}`);
      }
      assert.is(index, expected.length);
    } finally {
      await dataset.close();
    }
  });
}

test.run();
