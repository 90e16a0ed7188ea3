import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decontaminate } from '../../../src/curate/decontaminate.ts';
import { OverlapIndex } from '../../../src/curate/overlap.ts';
import { words } from '../../../src/curate/words.ts';
import { random } from '../pack/random.ts';

function index(rows: string[], size = 13, common = 10): OverlapIndex {
  const made = new OverlapIndex((row) => rows[row]!, size, common);
  for (const [row, text] of rows.entries()) made.add(row, text);
  made.finish();
  return made;
}

const alphabet = 'a b c d e f g h i j k l m n o p q r s t u v w x y z'.split(' ');
const run = (from: number, to: number) => alphabet.slice(from, to).join(' ');

test('13 words in one piece are found, 12 are not', () => {
  const found = index([run(0, 20)]);
  assert.is(found.find(`1 2 3 ${run(4, 16)} 4`), null);
  assert.equal(found.find(`1 2 3 ${run(4, 17).toUpperCase()}! 4`), {
    row: 0,
    share: 1 / 8,
    passage: run(4, 17),
    isWhole: false,
  });
});

test('a short row counts as one piece of its own length, from 8 words on', () => {
  const found = index([run(0, 8), run(10, 17)]);
  assert.is(found.find(`x ${run(0, 8)} y`)?.row, 0);
  assert.is(found.find(`x ${run(0, 7)} y`), null);
  assert.is(found.find(`x ${run(10, 17)} y`), null);
  // Of fewer words, only the same words are found.
  assert.equal(found.find(`${run(10, 17)}.`), {
    row: 1,
    share: 1,
    passage: run(10, 17),
    isWhole: true,
  });
});

test('the row that shares most is named', () => {
  const found = index([`${run(0, 13)} 1 2 3 4 5`, `9 ${run(13, 26)} 6`, run(13, 26)]);
  const both = found.find(`${run(0, 13)} 0 ${run(13, 26)}`);
  // Its only piece; that of row 1 is one of three.
  assert.equal([both?.row, both?.share], [1, 1 / 3]);
});

test('passages that many rows have say nothing', () => {
  const rows = Array.from({ length: 12 }, (_, i) => `${run(0, 15)} question ${i}`);
  assert.is(index(rows).find(`${run(0, 15)} another question`), null);
  assert.is.not(index(rows, 13, 0).find(`${run(0, 15)} another question`), null);
  // The end of each is its own.
  assert.is(index(rows).find(`see ${rows[7]}`)?.row, 7);
  const alike = index(Array.from({ length: 12 }, () => run(0, 15)));
  assert.is(alike.unchecked, 12);
  assert.is(alike.find(run(0, 15))?.isWhole, true);
});

test('the same as looking for every piece in every row', () => {
  const next = random(1);
  for (const size of [3, 5, 13]) {
    const text = () => Array.from({ length: next(40) }, () => `w${next(6)}`).join(' ');
    const rows = Array.from({ length: 30 }, text);
    const found = index(rows, size, 0);
    for (let i = 0; i < 300; i++) {
      const given = next(2) === 0 ? text() : `x ${rows[next(30)]} ${text()}`;
      const padded = ` ${words(given).join(' ')} `;
      const expected = rows.some((row) => {
        const list = words(row);
        if (list.length === 0) return false;
        if (list.length < Math.min(8, size)) return padded === ` ${list.join(' ')} `;
        const length = Math.min(size, list.length);
        return Array.from({ length: list.length - length + 1 }, (_, at) =>
          list.slice(at, at + length).join(' '),
        ).some((piece) => padded.includes(` ${piece} `));
      });
      assert.is(found.find(given) !== null, expected, `${size}: ${given}`);
    }
  }
});

const gsm8k = join(import.meta.dirname, '../../../../shared/data/gsm8k');
test('GSM8K: four questions of train share 13 words with one of test', async () => {
  if (!existsSync(gsm8k)) {
    console.log('SKIPPED 1: no shared/data');
    return;
  }
  const [train, held] = [join(gsm8k, 'train.jsonl'), join(gsm8k, 'test.jsonl')];
  const report = await decontaminate({ files: [train], against: [held], by: 'prompt' });
  assert.is(report.kept, 7469);
  assert.equal(
    report.left[0]!.examples.map(({ line, of, detail }) => [line, of?.line, detail]),
    [
      [21, 633, 'bought stamps at the post office some of the stamps had a snowflake'],
      [407, 582, 'the first movie is 1 hour and 30 minutes long while the second'],
      [1315, 603, 'miles in 3 hours at the same rate how many additional hours would'],
      [5163, 603, 'miles in 3 hours at the same rate how many additional hours would'],
    ],
  );
  assert.is((await decontaminate({ files: [held], against: [held] })).kept, 0);
});

test.run();
