/** Soft ceilings: a file that outgrows them is two nouns in one room, or has a reason here. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { filesBelow } from './tree.ts';

const CEILING: Record<string, number> = {
  '.ts': 300,
  '.h': 500,
  '.cpp': 500,
  '.cc': 500,
  '.cu': 500,
};

/** Path → why it may be longer. */
const EXCUSED: Record<string, string> = {};

test('no file outgrows its ceiling without a reason', () => {
  const files = [
    ...filesBelow('src', ['.ts']),
    ...filesBelow('native', ['.h', '.cpp', '.cc', '.cu']),
    ...filesBelow('test', ['.ts']),
  ];
  const tooLong = files.filter(({ path, text }) => {
    const ceiling = CEILING[path.slice(path.lastIndexOf('.'))]!;
    return text.split('\n').length > ceiling && !(path in EXCUSED);
  });
  assert.equal(
    tooLong.map(({ path }) => path),
    [],
  );
});

test('every test file runs its suite', () => {
  const silent = filesBelow('test', ['.test.ts']).filter(({ text }) => !text.includes('.run()'));
  assert.equal(
    silent.map(({ path }) => path),
    [],
  );
});

test.run();
