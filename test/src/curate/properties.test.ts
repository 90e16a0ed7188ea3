/** What holds of any rows: nothing is lost, order stays, a second time changes nothing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { CurateReport } from '../../../src/curate/curate.ts';
import * as data from '../../../src/curate/index.ts';
import { rejection } from '../data/files.ts';
import { random } from '../pack/random.ts';
import { checkAccount, directory, jsonl, lines, output } from './rows.ts';

/** Rows with repetitions of every kind, and what makes them harder to tell apart. */
function someRows(seed: number): { prompt: string; completion: string }[] {
  const next = random(seed);
  const pool: string[] = [];
  return Array.from({ length: 200 }, () => {
    const before = next(3) > 0 && pool.length > 0 ? pool[next(pool.length)]!.split(' ') : null;
    const text = before ?? Array.from({ length: 1 + next(30) }, () => `w${next(500)}`);
    if (next(2) === 0) text[next(text.length)] = `W${next(500)}`;
    pool.push(text.join(' '));
    return { prompt: text.join(next(2) === 0 ? ' ' : '  '), completion: `${next(3)}` };
  });
}

const verbs: Record<string, (options: data.CurateOptions) => Promise<CurateReport>> = {
  exact: (options) => data.dedupe({ ...options, method: 'exact', by: 'prompt' }),
  minhash: (options) => data.dedupe({ ...options, shingle: 2, threshold: 0.6, by: 'prompt' }),
  'rouge-l': (options) => data.dedupe({ ...options, method: 'rouge-l', by: 'prompt' }),
  filter: (options) => data.filter({ ...options, minWords: 3, maxWords: 20, by: 'prompt' }),
};
for (const [name, run] of Object.entries(verbs)) {
  test(`${name}: nothing is lost, order stays, twice is once`, async () => {
    for (const seed of [1, 2, 3]) {
      const rows = someRows(seed);
      const path = jsonl(...rows);
      const [once, twice] = [output(), output()];
      const report = join(directory, `${name}-${seed}.json`);
      const first = await run({ files: [path], output: once, report });
      checkAccount(first, once);
      assert.ok(first.kept > 0 && first.kept < 200);
      const { rows: left } = JSON.parse(readFileSync(report, 'utf8')) as {
        rows: { line: number }[];
      };
      const gone = new Set(left.map(({ line }) => line));
      const kept = lines(path).filter((_, i) => !gone.has(i + 1));
      assert.equal(lines(once), kept);
      const second = await run({ files: [once], output: twice });
      assert.is(second.kept, first.kept);
      assert.equal(lines(twice), lines(once));
    }
  });
}

test('split: every row on one side, equal prompts on the same, whatever their order', async () => {
  const rows = someRows(4);
  const sides = async (given: unknown[]) => {
    const [train, held] = [output(), output()];
    const report = await data.split({
      files: [jsonl(...given)],
      by: 'prompt',
      evalRows: 0.25,
      output: train,
      evalOutput: held,
    });
    checkAccount(report, train);
    assert.is(lines(held).length, 50);
    return [lines(train), lines(held)] as const;
  };
  const [train, held] = await sides(rows);
  assert.equal([...train, ...held].sort(), rows.map((row) => JSON.stringify(row)).sort());
  const prompts = (side: readonly string[]) =>
    new Set(side.map((line) => JSON.parse(line).prompt.toLowerCase().replace(/\s+/g, ' ')));
  const trained = prompts(train);
  for (const prompt of prompts(held)) assert.not(trained.has(prompt));
  const [, reversed] = await sides(rows.toReversed());
  assert.equal(reversed.toReversed(), held);
});

test('split: seeds differ, and what cannot be split is an error', async () => {
  const files = [jsonl(...Array.from({ length: 100 }, (_, i) => ({ text: `${i}` })))];
  const held = async (seed: number) => {
    const [output_, evalOutput] = [output(), output()];
    await data.split({ files, evalRows: 10, seed, output: output_, evalOutput });
    return lines(evalOutput);
  };
  assert.is.not(String(await held(1)), String(await held(2)));
  assert.equal(await held(1), await held(1));
  assert.match(await rejection('config', data.split({ files, evalRows: 100 })), 'one side empty');
  assert.match(await rejection('config', data.split({ files, evalRows: 1.5 })), 'a share below 1');
  assert.match(
    await rejection('config', data.split({ files, evalRows: 0 })),
    'eval_rows: expected',
  );
  const same = [jsonl({ text: 'a' }, { text: 'a' }, { text: 'a' })];
  assert.match(await rejection('data', data.split({ files: same, evalRows: 1 })), 'same text');
});

test.run();
