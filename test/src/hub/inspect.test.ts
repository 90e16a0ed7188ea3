/** A model and a data set of the hub, as a run takes them. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inspect } from '../../../src/train/inspect.ts';
import { SFTTrainer } from '../../../src/train/trainer.ts';
import { hasShared, STORIES } from '../../e2e/shared.ts';
import { startHub } from './server.ts';

if (hasShared(1)) {
  test('model and dataset by their ids: inspected, trained and evaluated', async () => {
    const files = Object.fromEntries(
      readdirSync(STORIES, { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => [name, readFileSync(join(STORIES, name))]),
    );
    const rows = (count: number) =>
      gzipSync(
        Array.from({ length: count }, (_, i) => JSON.stringify({ q: `One ${i}`, a: ' day' })).join(
          '\n',
        ),
      );
    const hub = await startHub({
      'models/o/stories': files,
      'datasets/o/data': { 'train.jsonl.gz': rows(12), 'validation.jsonl.gz': rows(3) },
    });
    try {
      const dir = mkdtempSync(join(tmpdir(), 'attune-'));
      const { file } = await import('../data/files.ts');
      const formatting = file(
        'f.mjs',
        'export const row = ({ q, a }) => ({ prompt: q, completion: a });',
      );
      const given = {
        model: 'o/stories',
        dataset: 'o/data',
        datasetTestSplit: 'validation',
        formattingFunc: `${formatting}#row`,
      };
      const texts = [];
      for await (const row of inspect(given)) texts.push([row.text, row.source.line]);
      assert.is(texts.length, 12);
      assert.equal(texts[11], ['One 11 day</s>', 12]);
      const trainer = new SFTTrainer({
        ...given,
        outputDir: dir,
        maxSteps: 2,
        evalStrategy: 'epoch',
      });
      const { accounting, evalLoss } = await trainer.train();
      assert.is(accounting.available, 12);
      assert.ok((evalLoss ?? 0) > 0);
      const adapter = JSON.parse(readFileSync(join(dir, 'adapter_config.json'), 'utf8'));
      assert.is(adapter.base_model_name_or_path, 'o/stories');
    } finally {
      await hub.close();
    }
  });
}

test.run();
