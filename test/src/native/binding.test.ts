import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AttuneError } from '../../../src/errors.ts';
import type { Engine } from '../../../src/native/addon.d.ts';
import { loadFirst } from '../../../src/native/binding.ts';
import { translate, withErrors } from '../../../src/native/engine.ts';

const native = (code: string, message: string) => Object.assign(new Error(message), { code });

test('a missing engine names every path tried and what to do', () => {
  assert.throws(
    () => loadFirst(['/none/a.node', '/none/b.node']),
    (error: unknown) =>
      error instanceof AttuneError &&
      error.code === 'device' &&
      error.message.includes('/none/a.node (no such file), /none/b.node (no such file)') &&
      error.message.endsWith('npm run build'),
  );
});

test('a file that is no addon says why', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'attune-')), 'broken.node');
  writeFileSync(path, 'not an addon');
  assert.throws(() => loadFirst([path]), /broken\.node \(.+\); build it with/);
});

test('native errors become AttuneErrors with the same code; others stay', () => {
  const error = translate(native('shape', '[x] y')) as AttuneError;
  assert.instance(error, AttuneError);
  assert.is(error.code, 'shape');
  assert.is(error.message, '[x] y');
  const other = native('ENOENT', 'z');
  assert.is(translate(other), other);
});

test('every verb of an engine throws and rejects with AttuneErrors', async () => {
  const fail = () => {
    throw native('disposed', 'gone');
  };
  const verbs = 'load accumulate update evaluate tokenLosses logits decode merge save read'.split(
    ' ',
  );
  const broken = Object.fromEntries([...verbs, 'plan', 'parameters'].map((verb) => [verb, fail]));
  const engine = withErrors(broken as unknown as Engine) as unknown as Record<
    string,
    () => unknown
  >;
  for (const verb of verbs) {
    const error = await Promise.resolve(engine[verb]!()).catch((caught: unknown) => caught);
    assert.instance(error, AttuneError, verb);
    assert.is((error as AttuneError).code, 'disposed');
  }
  assert.throws(
    () => engine.plan!(),
    (error: unknown) => error instanceof AttuneError,
  );
});

test.run();
