import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { IGNORE, makeBatch } from '../../../src/batch/batch.ts';

const document = (ids: number[], labels: number[]): { ids: Int32Array; labels: Int32Array } => ({
  ids: Int32Array.from(ids),
  labels: Int32Array.from(labels),
});

test('labels are shifted once, within their document', () => {
  const batch = makeBatch([
    document([1, 2, 3], [1, 2, 3]),
    document([4, 5], [IGNORE, 5]),
    document([6], [6]),
  ]);
  assert.equal([...batch.tokens], [1, 2, 3, 4, 5, 6]);
  assert.equal([...batch.targets], [2, 3, IGNORE, 5, IGNORE, IGNORE]);
  assert.equal([...batch.positions], [0, 1, 2, 0, 1, 0]);
  assert.equal([...batch.segments], [0, 3, 5, 6]);
  assert.is(batch.trained, 3);
});

test.run();
