import { test } from 'uvu';
import * as assert from 'uvu/assert';

import { resolveOptions } from '../../../src/config.ts';
import { loadFormatter } from '../../../src/data/formatting.ts';
import { rejection } from '../data/files.ts';

async function refused(call: () => unknown, expected: string): Promise<void> {
  assert.is(await rejection('config', (async () => call())()), expected);
}

test('data files with weights, and a module for formatting, in every spelling', async () => {
  const read = (given: object) => resolveOptions({ model: 'm', ...given }).config;
  const weighted = [{ path: 'a.jsonl', weight: 0.5 }, 'b.csv:2'];
  assert.equal(read({ trainFile: weighted }).trainFile, weighted);
  assert.equal(read({ trainFile: weighted[0] }).trainFile, [weighted[0]]);
  for (const bad of [
    { path: 'a' },
    { path: 'a', weight: 0 },
    { path: 'a', weight: 1, x: 1 },
    3,
    [],
  ]) {
    const expected = `trainFile: expected a path, {path, weight}, or a list of them, received ${JSON.stringify(bad)}`;
    await refused(() => read({ trainFile: bad }), expected);
  }
  const url = new URL('file:///x/f.mjs#row');
  const spellings: [unknown, string][] = [
    ['./f.mjs#row', './f.mjs#row'],
    [url, 'file:///x/f.mjs#row'],
    [{ module: './f.mjs', export: 'row' }, './f.mjs#row'],
    [{ module: new URL('file:///x/f.mjs') }, 'file:///x/f.mjs#default'],
  ];
  for (const [given, expected] of spellings) {
    assert.is(read({ trainFile: 'a', formattingFunc: given }).formattingFunc, expected);
    assert.is(read({ trainFile: 'a', formatting: given }).formattingFunc, expected);
  }
  const other = {
    threads: {
      toRow(row: string): object {
        return { text: row };
      },
    },
  };
  const functions: ((row: string) => unknown)[] = [
    (row) => ({ text: row }),
    function named(row) {
      const inner = (text: string) => ({ text });
      return inner(row);
    },
    other.threads.toRow,
  ];
  for (const run of functions) {
    const made = read({ trainFile: 'a', formatting: run }).formattingFunc!;
    assert.equal((await import(made)).default('x'), { text: 'x' });
  }
  const prefix = 'lost';
  const outer = read({ trainFile: 'a', formatting: (row: string) => prefix + row }).formattingFunc;
  const format = await loadFormatter(outer, 'text');
  assert.throws(
    () => format('x', { file: 'a', line: 3 }),
    /formatting_func: prefix is not defined: threads run the text of a function/,
  );
  const native = String.prototype.trim.bind('a');
  await refused(
    () => read({ trainFile: 'a', formatting: native }),
    'formatting: expected a module with the name of its export ("./format.mjs#toRow", or ' +
      '{module, export}), or a function of its own text, or null, received a function',
  );
});

test('a data set of the hub stands for train_file and eval_file', async () => {
  const { config } = resolveOptions({
    model: 'm',
    datasetName: 'a/b',
    datasetConfig: 'c',
    evalStrategy: 'steps',
  });
  assert.equal([config.dataset, config.datasetConfig], ['a/b', 'c']);
  assert.equal([config.datasetTrainSplit, config.datasetTestSplit], ['train', 'test']);
  await refused(() => resolveOptions({ model: 'm' }), 'train_file: is required');
});

test.run();
