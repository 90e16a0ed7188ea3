import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeBatch } from '../../../src/batch/batch.ts';
import { inParts } from '../../../src/batch/parts.ts';

const document = (length: number, first: number) => {
  const ids = Int32Array.from({ length }, (_, i) => first + i);
  return { ids, labels: ids.map((id, i) => (i < 2 ? -100 : id)) };
};
const documents = [
  document(3, 0),
  document(2, 10),
  document(6, 20),
  document(1, 30),
  document(3, 40),
];

test('parts hold as many documents as fit, and together are the batch', () => {
  const parts = inParts(makeBatch(documents), 5);
  assert.equal(
    parts.map(({ segments }) => [...segments]),
    [
      [0, 3, 5],
      [0, 6],
      [0, 1, 4],
    ],
  );
  const expected = [documents.slice(0, 2), documents.slice(2, 3), documents.slice(3)];
  parts.forEach((part, i) => {
    const whole = makeBatch(expected[i]!);
    assert.equal(
      { ...part, tokens: [...part.tokens], targets: [...part.targets] },
      { ...whole, tokens: [...whole.tokens], targets: [...whole.targets] },
    );
  });
});

test('a batch that fits stays whole', () => {
  assert.is(inParts(makeBatch(documents), 15).length, 1);
});

test.run();
