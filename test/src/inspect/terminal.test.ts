/** What `attune inspect` prints behind the rows. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resolveOptions } from '../../../src/config.ts';
import { terminalTexts } from '../../../src/inspect/terminal.ts';
import { modelDir, trainRows, workDir, writeRows } from './data.ts';

const outputDir = join(workDir, 'terminal');
mkdirSync(outputDir);
writeFileSync(join(outputDir, 'metrics.jsonl'), '{"step":1,"tokens_per_second":50}\n');

async function texts(rows: number, train: readonly object[] = trainRows): Promise<string[]> {
  const { config } = resolveOptions({
    model: modelDir,
    trainFile: writeRows('terminal.jsonl', train),
    maxLength: 300,
    datasetNumProc: 1,
    outputDir,
  });
  const all: string[] = [];
  const request = { rows, measure: null, render: ({ index }: { index: number }) => `${index}` };
  for await (const text of terminalTexts(config, request)) all.push(text);
  return all;
}

test('rows, their account, and what a run takes: steps, tokens, time', async () => {
  const all = await texts(3);
  assert.equal(all.slice(0, 3), ['0', '1', '2']);
  const rest = all.slice(3).join('\n');
  assert.match(rest, /^rows: read 52 = trained 51 \+ left out 1, 1 truncated$/m);
  const [, steps, epochs, tokens] = /a run: (\d+) steps, (\d) epochs, ([\d,]+) tokens/.exec(rest)!;
  assert.equal([Number(steps), epochs], [3 * Math.ceil(51 / 8), '3']);
  const [, seconds] = /time: (\d+) min \d+ s at 50 tokens a second\. Estimated from/.exec(rest)!;
  assert.is(Math.floor(Number(tokens!.replaceAll(',', '')) / 50 / 60), Number(seconds));
});

test('a bad row behind those that are shown is a reason not to know the cost', async () => {
  const all = await texts(1, [...trainRows, { messages: 7 }]);
  assert.is(all[0], '0');
  assert.match(all[1]!, /^cost: unknown\. .*terminal\.jsonl:53: /);
  try {
    await texts(Number.POSITIVE_INFINITY, [...trainRows, { messages: 7 }]);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /terminal\.jsonl:53: /);
  }
});

test.run();
