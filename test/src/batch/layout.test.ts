import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { countTokens, type Layout, layOut } from '../../../src/batch/layout.ts';
import { CorruptLog, DocumentStore } from '../../../src/batch/store.ts';
import { FileLog, MemoryLog } from '../../../src/cache/log.ts';
import type { Packing } from '../../../src/pack/pack.ts';
import { storeDocuments } from '../../../src/worker/documents.ts';
import { countTrained } from '../../../src/worker/labels.ts';
import { file } from '../data/files.ts';
import { random } from '../pack/random.ts';

/** Rows given as labels; 0 stands for -100. The ids are 1, 2, … where no label says otherwise. */
function documents(rows: readonly number[][]) {
  return rows.map((row) => ({
    ids: Int32Array.from(row, (label, i) => label || i + 1),
    labels: Int32Array.from(row, (label) => label || -100),
  }));
}

function stored(rows: readonly number[][]): DocumentStore {
  const store = new DocumentStore(rows.length, () => new MemoryLog());
  const indices = Uint32Array.from(rows.keys());
  store.add(indices.subarray(0, 1), storeDocuments(documents(rows.slice(0, 1))));
  store.add(indices.subarray(1), storeDocuments(documents(rows.slice(1))));
  return store;
}

interface Laid {
  layout: Layout;
  /** Packed rows, as [row of data, start, end]. */
  rows: number[][][];
  tokens: { tokens: number; trainedTokens: number };
}

function laid(
  given: number[][],
  packing: Packing,
  maxLength: number | null,
  truncationMode: 'keep_start' | 'keep_end' = 'keep_start',
): Laid {
  const store = stored(given);
  const layout = layOut(Uint32Array.from(given.keys()), store, {
    packing,
    maxLength,
    truncationMode,
  });
  const { documents: all, starts, ends, rows } = layout;
  const piece = (i: number) => [all[i]!, starts[i]!, ends[i]!];
  return {
    layout,
    rows: [...rows.slice(1)].map((end, r) =>
      Array.from({ length: end - rows[r]! }, (_, i) => piece(rows[r]! + i)),
    ),
    tokens: countTokens(layout, store),
  };
}

const train = (length: number): number[] => Array.from({ length }, (_, i) => i + 1);

test('unpacked: one piece a row, in order; what cannot be trained after truncation is left out', () => {
  const { rows, layout, tokens } = laid([train(2), [0, 0, 0, 0, 5], train(4)], false, 3);
  assert.equal(rows, [[[0, 0, 2]], [[2, 0, 3]]]);
  assert.equal(layout.counts, {
    read: 3,
    trained: 2,
    truncated: 1,
    leftOut: [{ reason: 'nothing left to train once cut to 3 tokens', row: 1 }],
    quarantined: [],
  });
  assert.equal(tokens, { tokens: 5, trainedTokens: 3 });
});

test('keep_end cuts the start', () => {
  const { rows, layout } = laid([train(5), [0, 2, 3, 0, 0]], false, 3, 'keep_end');
  assert.equal(rows, [[[0, 2, 5]]]);
  // Token 2 would be the first of its document, which nothing predicts.
  assert.equal(layout.counts.leftOut.length, 1);
});

test('packed: documents in the order of their rows', () => {
  const { rows } = laid([train(3), train(4), train(2)], 'bfd', 5);
  assert.equal(rows, [
    [[1, 0, 4]],
    [
      [0, 0, 3],
      [2, 0, 2],
    ],
  ]);
});

test('packed rows without anything trained are left out', () => {
  const { rows, layout } = laid([[0, 0, 0, 0, 5, 6]], 'bfd_split', 4);
  assert.equal(rows, [[[0, 4, 6]]]);
  assert.is(layout.counts.trained, 1);
});

test('a row whose only trained token begins a packed row is left out and counted', () => {
  const { layout } = laid([train(3), [0, 5]], 'wrapped', 4);
  assert.is(layout.counts.trained, 1);
  assert.equal(layout.counts.leftOut, [
    { reason: 'nothing left to train once cut at row ends', row: 1 },
  ]);
});

test('any masks: what is known without reading tokens is what reading them finds', () => {
  const next = random(11);
  const rows = Array.from({ length: 200 }, () => {
    const row = Array.from({ length: 2 + next(12) }, (_, i) => (next(3) === 0 ? i + 1 : 0));
    row[1 + next(row.length - 1)] = 9;
    return row;
  });
  const store = stored(rows);
  documents(rows).forEach(({ ids, labels }, row) => {
    assert.is(store.length(row), ids.length);
    for (let start = 0; start < ids.length; start++) {
      for (let end = start + 1; end <= ids.length; end++) {
        const expected = countTrained(labels, start, end);
        assert.is(store.trained(row, start, end), expected);
        assert.is(store.trains(row, start, end), expected > 0);
        const read = store.read(row, start, end);
        assert.equal(read.ids, ids.slice(start, end));
        assert.equal(read.labels, labels.slice(start, end));
      }
    }
  });
});

test('a log of another run is read where its words are sound, and refused where they are not', () => {
  const rows = [train(3), [0, 7, 0, 9], train(6)];
  const found = storeDocuments(documents(rows));
  const path = file('tokens', '');
  const written = new FileLog(path);
  written.append(found.words);
  written.close();
  const open = () => {
    const store = new DocumentStore(3, () => new MemoryLog());
    const log = new FileLog(path, found.words.length);
    store.adopt(log, Uint32Array.of(2, 0, 1).sort(), found.columns);
    return { store, log };
  };
  const { store } = open();
  assert.equal([...store.read(1, 0, 4).labels], [-100, 7, -100, 9]);
  store.close();
  found.words[4]! ^= 1;
  new FileLog(path).append(found.words);
  const broken = open();
  assert.equal([...broken.store.read(0, 0, 3).ids], [1, 2, 3]);
  assert.throws(
    () => broken.store.read(1, 0, 4),
    (error: unknown) => error instanceof CorruptLog && error.log === broken.log,
  );
  broken.store.forget(broken.log);
  assert.equal(
    [0, 1, 2].map((row) => broken.store.has(row)),
    [false, false, false],
  );
  broken.store.close();
});

test.run();
