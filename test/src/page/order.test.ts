import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ordered } from '../../../src/page/client/order.ts';
import { random } from '../pack/random.ts';

test('rows come in the order of their keys, those of one key as they were', () => {
  const next = random(3);
  for (let trial = 0; trial < 50; trial++) {
    const keys = Float32Array.from({ length: next(400) }, () => {
      const kinds = [next(5), -next(5), next(1e6) / 7, -next(1e6) * 1e9, Infinity, -Infinity, -0];
      return kinds[next(kinds.length)]!;
    });
    const rows = Uint32Array.from(keys.keys()).filter(() => next(3) > 0);
    const expected = [...rows].sort((a, b) => {
      const [x, y] = [keys[a]!, keys[b]!];
      return x === y ? (Object.is(x, y) ? a - b : Object.is(x, -0) ? -1 : 1) : x - y;
    });
    assert.equal([...ordered(rows, (row) => keys[row]!)], expected);
  }
});

test.run();
