import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CommonSubsequence } from '../../../src/curate/lcs.ts';
import { RougeIndex, rougeL } from '../../../src/curate/rouge.ts';
import { random } from '../pack/random.ts';

/** The table of the definition. */
function table(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (let i = 0; i < a.length; i++) {
    const next = [0];
    for (let j = 0; j < b.length; j++) {
      next.push(a[i] === b[j] ? row[j]! + 1 : Math.max(row[j + 1]!, next[j]!));
    }
    row = next;
  }
  return row.at(-1)!;
}

test('longest common subsequences equal the table of the definition', () => {
  const next = random(1);
  for (let round = 0; round < 300; round++) {
    const alphabet = 1 + next(12);
    const sequence = (most: number) =>
      Int32Array.from({ length: next(most) }, () => next(alphabet));
    const [a, b] = [sequence(150), sequence(150)];
    assert.is(new CommonSubsequence(a).length(b), table(a, b));
  }
});

test('ROUGE-L by hand', () => {
  assert.is(rougeL('the cat sat', 'the cat sat'), 1);
  assert.is(rougeL('The CAT, sat!', 'the cat sat'), 1);
  assert.is(rougeL('a b c d', 'a c b d'), 0.75);
  assert.is(rougeL('a b', 'c d'), 0);
  assert.is(rougeL('', 'a'), 0);
  assert.is(rougeL('!', '?'), 0);
  // Two of three words, and two of four.
  assert.is(rougeL('a b x', 'a y b z'), (2 * (2 / 3) * (2 / 4)) / (2 / 3 + 2 / 4));
});

const shared = join(import.meta.dirname, '../../../../shared/data');
/** Counted as skipped where there is no ../shared/data. */
const sharedTest = existsSync(shared) ? test : test.skip;

function instructions(): string[] {
  const read = (name: string) => readFileSync(join(shared, name), 'utf8');
  const lines = (name: string) => read(name).trim().split('\n');
  const alpaca: { instruction: string }[] = JSON.parse(read('alpaca-en/alpaca_en_demo.json'));
  return [
    ...lines('self-instruct/seed_tasks.jsonl').map((line) => JSON.parse(line).instruction),
    ...alpaca.map(({ instruction }) => instruction),
    ...lines('gsm8k/test.jsonl').map((line) => JSON.parse(line).question),
  ];
}

const { pairs }: { pairs: [number, number, number][] } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../golden/rouge.json'), 'utf8'),
);
sharedTest('scores of real rows equal the golden ones to the last bit', () => {
  const texts = instructions();
  assert.is(pairs.length, 200);
  for (const [a, b, score] of pairs) assert.is(rougeL(texts[a]!, texts[b]!), score);
});

/** What comparing with every kept row leaves out. */
function bruteForce(texts: string[], threshold: number) {
  const kept: number[] = [];
  const left = new Map<number, { row: number; similarity: number }>();
  texts.forEach((text, row) => {
    let best: { row: number; similarity: number } | null = null;
    for (const other of kept) {
      const similarity = rougeL(text, texts[other]!);
      if (similarity > Math.max(threshold, best?.similarity ?? 0))
        best = { row: other, similarity };
    }
    if (best) left.set(row, best);
    else kept.push(row);
  });
  return left;
}

function indexed(texts: string[], threshold: number) {
  const index = new RougeIndex(threshold);
  const left = new Map<number, { row: number; similarity: number }>();
  texts.forEach((text, row) => {
    const found = index.find(text);
    if (found) left.set(row, found);
    else index.add(row, text);
  });
  return left;
}

test('the index finds what comparing with every row finds, at any threshold', () => {
  const next = random(2);
  const texts = Array.from({ length: 250 }, () =>
    Array.from({ length: next(14) }, () => `w${next(3 + next(20))}`).join(' '),
  );
  for (const threshold of [0, 0.2, 0.5, 0.7, 0.75, 0.9, 0.99]) {
    const expected = bruteForce(texts, threshold);
    assert.ok(expected.size > 0);
    assert.equal([...indexed(texts, threshold)], [...expected], String(threshold));
  }
});

sharedTest('real instructions: the same rows as comparing with every row', () => {
  const texts = instructions().slice(0, 675);
  const expected = bruteForce(texts, 0.5);
  assert.ok(expected.size > 5);
  assert.equal([...indexed(texts, 0.5)], [...expected]);
});

test.run();
