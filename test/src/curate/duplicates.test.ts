import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Duplicate,
  DuplicateFinder,
  duplicateGroups,
} from '../../../src/curate/duplicates.ts';
import { banding, jaccard, MinHash, minHashDefaults } from '../../../src/curate/minhash.ts';
import { hashRuns, hashWords, mix, normalised, words } from '../../../src/curate/words.ts';
import { random } from '../pack/random.ts';

/** What each text repeats. */
function find(texts: string[], near: Parameters<typeof finder>[1] = {}) {
  const { found } = finder(texts, near);
  return found;
}

function finder(texts: string[], near: ConstructorParameters<typeof DuplicateFinder>[1]) {
  const index = new DuplicateFinder((row) => texts[row]!, near);
  const found = new Map<number, Duplicate>();
  texts.forEach((text, row) => {
    const duplicate = index.add(row, text);
    if (duplicate) found.set(row, duplicate);
  });
  return { found, index };
}

/** `count` different words. */
function sentence(next: (bound: number) => number, count: number): string[] {
  return Array.from({ length: count }, () => `w${next(100_000)}`);
}

test('words: runs of letters and digits in lower case, characters of scripts without spaces', () => {
  assert.equal(words("Don't  STOP_2day!"), ['don', 't', 'stop', '2day']);
  assert.equal(words('Ça va, naïve ﬁle №1?'), ['ça', 'va', 'naïve', 'file', 'no1']);
  assert.equal(words('我爱GPT4模型'), ['我', '爱', 'gpt4', '模', '型']);
  assert.equal(words('हिन्दी भाषा'), ['हिन्दी', 'भाषा']);
  assert.equal(words(' … !'), []);
});

test('normalised: case, form and white space', () => {
  assert.is(normalised('  A\n\tb  Ｃ '), 'a b c');
  assert.is.not(normalised('2+2'), normalised('2-2'));
});

test('runs of words: one for each start, the whole where there are fewer', () => {
  const hashes = hashWords('a b c d');
  assert.is(hashRuns(hashes, 2).length, 3);
  assert.is(hashRuns(hashes, 9).length, 1);
  assert.is(hashRuns(hashWords(''), 2).length, 0);
  assert.is.not(hashRuns(hashWords('a b'), 2)[0], hashRuns(hashWords('b a'), 2)[0]);
});

test('equal texts, and texts equal but for case and space', () => {
  const texts = ['Name a fruit.', 'name  a FRUIT.\n', 'Name a fruit.', 'Name a fruit'];
  assert.equal(
    [...find(texts, null)],
    [
      [1, { of: 0, kind: 'same but for case and space', similarity: 1 }],
      [2, { of: 0, kind: 'exact duplicate', similarity: 1 }],
    ],
  );
});

test('near-duplicates have the exact similarity of their shingles', () => {
  const next = random(1);
  const base = sentence(next, 100);
  const changed = base.with(50, 'other');
  const [duplicate] = find([base.join(' '), changed.join(' ')]).values();
  // 96 shingles each, 5 of which hold the changed word.
  assert.equal(duplicate, { of: 0, kind: 'near-duplicate', similarity: 91 / 101 });
});

test('below the threshold nothing is a duplicate, at any seed', () => {
  const next = random(2);
  const base = sentence(next, 100);
  const changed = base.map((word, i) => (i % 25 === 12 ? 'other' : word)).join(' ');
  const texts = [base.join(' '), changed];
  const { shingle } = minHashDefaults;
  const sets = texts.map((text) => new Set(hashRuns(hashWords(text), shingle)));
  const similarity = jaccard(sets[0]!, sets[1]!);
  assert.is(similarity, 76 / 116);
  for (let seed = 0; seed < 20; seed++) {
    assert.is(find(texts, { seed }).size, 0);
    assert.is(find(texts, { seed, threshold: similarity }).size, 1);
  }
});

test('banding finds 99 % of the pairs at the threshold with the fewest comparisons', () => {
  for (const [threshold, bands, rows] of [
    [0.5, 42, 3],
    [0.7, 32, 4],
    [0.8, 21, 6],
    [0.9, 12, 10],
    [1, 1, 128],
  ] as const) {
    const cut = banding({ ...minHashDefaults, threshold });
    assert.equal([cut.bands, cut.rows], [bands, rows]);
    assert.ok(cut.recall >= 0.99);
  }
});

test('signatures estimate the Jaccard similarity', () => {
  const next = random(3);
  const hash = new MinHash(minHashDefaults);
  for (const similarity of [0.2, 0.5, 0.8]) {
    let equal = 0;
    const pairs = 200;
    for (let pair = 0; pair < pairs; pair++) {
      const common = Array.from({ length: 100 * similarity }, () => mix(next(2 ** 32)));
      const rest = () =>
        Array.from({ length: Math.round(50 * (1 - similarity)) }, () => mix(next(2 ** 32)));
      const a = hash.signature([...common, ...rest()]).slice();
      const b = hash.signature([...common, ...rest()]);
      equal += a.reduce((sum, value, i) => sum + Number(value === b[i]), 0);
    }
    const estimate = equal / (pairs * minHashDefaults.permutations);
    // The standard deviation of an estimate is at most 0.5 / sqrt(200 · 128) = 0.0031.
    assert.ok(Math.abs(estimate - similarity) < 0.013, `${similarity}: ${estimate}`);
  }
});

test('what brute force finds is found, and nothing else', () => {
  const next = random(4);
  const texts: string[] = [];
  for (let i = 0; i < 300; i++) {
    const base = texts.length > 0 && next(2) === 0 ? texts[next(texts.length)]!.split(' ') : null;
    const row = base ?? sentence(next, 60 + next(100));
    for (let edits = next(3); edits > 0; edits--) row[next(row.length)] = `w${next(100_000)}`;
    texts.push(row.join(' '));
  }
  const sets = texts.map((text) => new Set(hashRuns(hashWords(text), minHashDefaults.shingle)));
  const kept: number[] = [];
  const left: number[] = [];
  sets.forEach((set, row) => {
    if (kept.some((other) => jaccard(set, sets[other]!) >= 0.8)) left.push(row);
    else kept.push(row);
  });
  assert.ok(left.length > 50);
  const found = find(texts);
  assert.equal([...found.keys()], left);
  for (const [row, { of, similarity }] of found) {
    assert.ok(!found.has(of));
    assert.is(similarity, jaccard(sets[row]!, sets[of]!));
  }
});

test('what is kept repeats nothing: a second time finds nothing', () => {
  const next = random(5);
  const words = sentence(next, 12);
  const texts = Array.from({ length: 2000 }, () =>
    Array.from({ length: 12 }, (_, i) => (next(6) === 0 ? 'x' : words[i])).join(' '),
  );
  const found = find(texts, { shingle: 2, threshold: 0.6 });
  assert.ok(found.size > 500);
  const kept = texts.filter((_, row) => !found.has(row));
  assert.is(find(kept, { shingle: 2, threshold: 0.6 }).size, 0);
});

test('rows of one template are compared with a bounded number of others', () => {
  const next = random(6);
  const common = sentence(next, 60).join(' ');
  const texts = Array.from({ length: 1500 }, () => `${common} ${sentence(next, 20).join(' ')}`);
  const { found, index } = finder(texts, {});
  assert.is(found.size, 0);
  assert.ok(index.cut > 1000, `${index.cut}`);
});

test('groups list the first row and what repeats it', () => {
  const found = find(['a', 'b', 'B', 'c', 'a', ' a']);
  assert.equal(duplicateGroups(found), [
    [0, 4, 5],
    [1, 2],
  ]);
});

const alpaca = join(import.meta.dirname, '../../../../shared/data/alpaca-en/alpaca_en_demo.json');
test('Alpaca: every near-duplicate among its answers, as brute force has them', () => {
  if (!existsSync(alpaca)) {
    console.log('SKIPPED 1: no shared/data');
    return;
  }
  const texts = (JSON.parse(readFileSync(alpaca, 'utf8')) as { output: string }[]).map(
    ({ output }) => output,
  );
  const repeated = [...texts, ...texts.slice(0, 50).map((text) => `${text} The end.`)];
  const found = find(repeated, { threshold: 0.7 });
  const sets = repeated.map((text) => new Set(hashRuns(hashWords(text), minHashDefaults.shingle)));
  const expected = sets.flatMap((set, row) =>
    sets.slice(0, row).some((other) => set.size > 0 && jaccard(set, other) >= 0.7) ? [row] : [],
  );
  assert.equal([...found.keys()], expected);
});

test.run();
