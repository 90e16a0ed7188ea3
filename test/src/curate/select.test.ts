import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chooseCenters } from '../../../src/curate/centers.ts';
import { dimensions, Features } from '../../../src/curate/features.ts';
import { select } from '../../../src/curate/select.ts';
import { file } from '../data/files.ts';
import { random } from '../pack/random.ts';

const at = (vectors: Float32Array, row: number, size: number) =>
  vectors.subarray(row * size, (row + 1) * size);
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const distance = (a: Float32Array, b: Float32Array) => Math.sqrt(Math.max(0, 2 - 2 * dot(a, b)));

/** The vectors of texts, one after the other. */
function vectorsOf(texts: string[]): Float32Array {
  const features = new Features();
  for (const text of texts) features.add(text);
  const vectors = new Float32Array(texts.length * dimensions);
  for (const [row, text] of texts.entries()) features.write(text, at(vectors, row, dimensions));
  return vectors;
}

function unitVectors(rows: number, size: number, seed: number): Float32Array {
  const next = random(seed);
  const vectors = Float32Array.from({ length: rows * size }, () => next(2000) / 1000 - 1);
  for (let row = 0; row < rows; row++) {
    const vector = at(vectors, row, size);
    const norm = Math.sqrt(dot(vector, vector));
    for (let i = 0; i < size; i++) vector[i]! /= norm;
  }
  return vectors;
}

/** Largest distance from a row to the nearest of `centers`. */
function radius(vectors: Float32Array, size: number, centers: number[]): number {
  return Math.max(
    ...Array.from({ length: vectors.length / size }, (_, row) =>
      Math.min(...centers.map((c) => distance(at(vectors, row, size), at(vectors, c, size)))),
    ),
  );
}

test('each row that is chosen is the farthest from those before', async () => {
  const [rows, size] = [60, 4];
  const vectors = unitVectors(rows, size, 1);
  const { chosen, nearest, similarity } = await chooseCenters(vectors, size, 20, () => undefined);
  assert.is(new Set(chosen).size, 20);
  for (let count = 1; count < chosen.length; count++) {
    const before = chosen.slice(0, count);
    const gap = (row: number) =>
      Math.min(...before.map((c) => distance(at(vectors, row, size), at(vectors, c, size))));
    assert.ok(gap(chosen[count]!) > radius(vectors, size, before) - 1e-5);
  }
  for (let row = 0; row < rows; row++) {
    const best = Math.max(...chosen.map((c) => dot(at(vectors, row, size), at(vectors, c, size))));
    assert.ok(Math.abs(similarity[row]! - best) < 1e-5);
    const center = chosen[nearest[row]!]!;
    assert.ok(Math.abs(dot(at(vectors, row, size), at(vectors, center, size)) - best) < 1e-5);
  }
});

test('the radius is at most twice the least possible', async () => {
  const [rows, size] = [14, 4];
  for (let seed = 1; seed <= 10; seed++) {
    const vectors = unitVectors(rows, size, seed);
    let least = Number.POSITIVE_INFINITY;
    for (let a = 0; a < rows; a++)
      for (let b = 0; b < a; b++)
        for (let c = 0; c < b; c++) least = Math.min(least, radius(vectors, size, [a, b, c]));
    const { chosen } = await chooseCenters(vectors, size, 3, () => undefined);
    assert.ok(radius(vectors, size, chosen) <= 2 * least + 1e-6);
  }
});

test('rows without words, and all rows, can be chosen', async () => {
  const vectors = vectorsOf(['', 'a', '', 'b']);
  const { chosen } = await chooseCenters(vectors, dimensions, 4, () => undefined);
  assert.equal(chosen.toSorted(), [0, 1, 2, 3]);
});

test('features: equal words are alike, and rare words weigh more', () => {
  const texts = ['the red house', 'The RED house!', 'the red boat', 'the the sky', 'the sea', 'x'];
  const vectors = vectorsOf(texts);
  const cosine = (a: number, b: number) =>
    dot(at(vectors, a, dimensions), at(vectors, b, dimensions));
  assert.ok(Math.abs(cosine(0, 1) - 1) < 1e-6);
  assert.ok(cosine(0, 2) > 0.3 && cosine(0, 2) < 0.9);
  assert.ok(cosine(3, 4) < cosine(0, 2));
});

test('one row of each topic, in the order of the file', async () => {
  const topics = ['apples pears plums', 'cars trains planes', 'piano violin drum', 'one two three'];
  const next = random(2);
  const rows = Array.from({ length: 80 }, (_, i) => {
    const words = topics[i % 4]!.split(' ');
    return { text: [words[next(3)], ...words, words[next(3)], `no${next(3)}`].join(' ') };
  });
  const path = file('rows.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'));
  const report = await select({ files: [path], rows: 4, report: file('report.json', '') });
  assert.is(report.kept, 4);
  assert.is(report.left[0]!.count, 76);
  const to = `${path}.chosen.jsonl`;
  await select({ files: [path], rows: 4, output: to });
  const { readFileSync } = await import('node:fs');
  const kept = readFileSync(to, 'utf8').trim().split('\n');
  const found = kept.map((line) => topics.findIndex((topic) => line.includes(topic)));
  assert.equal(found.toSorted(), [0, 1, 2, 3]);
  const order = kept.map((line) => rows.findIndex((row) => JSON.stringify(row) === line));
  assert.equal(
    order,
    order.toSorted((a, b) => a - b),
  );
});

test.run();
