/** src/native/addon.d.ts accounts for every export of the addon, and for nothing else. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { IGNORE } from '../../src/batch/batch.ts';
import { loadAddon } from '../../src/native/binding.ts';
import { ROOT } from './tree.ts';

const declared = readFileSync(join(ROOT, 'src/native/addon.d.ts'), 'utf8');

/** Member names of one interface of the declaration file. */
function members(name: string): string[] {
  const body = declared.match(new RegExp(`export interface ${name} \\{\\n([\\s\\S]*?)\\n\\}`))?.[1];
  if (!body) throw new Error(`no interface ${name}`);
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)[(:?]/gm)].map((match) => match[1]!).sort();
}

test('exports', () => {
  assert.equal(Object.keys(loadAddon()).sort(), members('Addon'));
});

test('engine verbs', () => {
  const verbs = Object.getOwnPropertyNames(loadAddon().Engine.prototype);
  assert.equal(verbs.filter((verb) => verb !== 'constructor').sort(), members('Engine'));
  assert.ok(verbs.length <= 17, 'the boundary stays narrow');
});

test('text encoder verbs', () => {
  const verbs = Object.getOwnPropertyNames(loadAddon().TextEncoder.prototype);
  assert.equal(verbs.filter((verb) => verb !== 'constructor').sort(), members('TextEncoder'));
});

test('the ignored label is one number', () => {
  assert.is(loadAddon().IGNORE, IGNORE);
});

test.run();
