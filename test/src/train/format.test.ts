import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { accountingLines, bytes, duration, short } from '../../../src/train/format.ts';
import { lossCurve } from '../../../src/train/progress.ts';

test('every row read is trained or left out', () => {
  const accounting = {
    available: 12,
    read: 12,
    trained: 9,
    sources: [],
    leftOut: [{ reason: 'nothing left to train', count: 3, examples: ['a.jsonl:2', 'a.jsonl:5'] }],
    quarantined: { count: 0, examples: [] },
    truncated: 4,
    tokens: 2000,
    trainedTokens: 500,
    rows: 3,
    fill: 0.975,
  };
  assert.equal(accountingLines(accounting), [
    'rows: read 12 = trained 9 + left out 3, 4 truncated',
    '  left out 3: nothing left to train (a.jsonl:2, a.jsonl:5)',
    '  2,000 tokens an epoch, 25 % of them trained; 3 rows, 97.5 % full',
  ]);
  assert.match(accountingLines(accounting, 'evaluated')[0]!, /= evaluated 9 \+/);
  const sources = [
    { file: 'a.jsonl', rows: 10, weight: 1, used: 10 },
    { file: 'b.jsonl', rows: 4, weight: 0.5, used: 2 },
  ];
  const [weighted] = accountingLines({ ...accounting, sources });
  assert.is(weighted, 'b.jsonl: 2 of 4 rows at weight 0.5');
  const [first, , last] = accountingLines({ ...accounting, available: 90 });
  assert.is(first, 'rows: read 12 of 90 = trained 9 + left out 3, 4 truncated');
  assert.is(last, '  2,000 tokens in them, 25 % of them trained; 3 rows, 97.5 % full');
  const quarantined = { count: 2, examples: ['a.jsonl:3: not valid UTF-8', 'a.jsonl:9: too bad'] };
  assert.equal(accountingLines({ ...accounting, read: 14, available: 14, quarantined }), [
    'rows: read 14 = trained 9 + left out 3 + quarantined 2, 4 truncated',
    '  left out 3: nothing left to train (a.jsonl:2, a.jsonl:5)',
    '  quarantined 2:',
    '    a.jsonl:3: not valid UTF-8',
    '    a.jsonl:9: too bad',
    '  2,000 tokens an epoch, 25 % of them trained; 3 rows, 97.5 % full',
  ]);
});

test('times, bytes and numbers', () => {
  assert.equal([3.21, 42, 93, 7300].map(duration), ['3.2s', '42s', '1m 33s', '2h 1m']);
  assert.equal([2 ** 20, 3 * 2 ** 30].map(bytes), ['1.0 MiB', '3.00 GiB']);
  assert.equal([1.23456, 2e-5, Number.NaN].map(short), ['1.235', '0.00002', 'NaN']);
});

test('the loss curve fits the terminal', async () => {
  const curve = await lossCurve(
    Array.from({ length: 500 }, (_, i) => 500 / (i + 100)),
    60,
  );
  assert.ok(curve.split('\n').length > 5);
  for (const line of curve.split('\n')) assert.ok(line.length <= 60, line);
  assert.is(await lossCurve([1], 60), '');
});

test.run();
