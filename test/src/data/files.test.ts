import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { listFiles } from '../../../src/data/files.ts';
import { Spool } from '../../../src/data/spool.ts';
import { cache, failure, file } from './files.ts';

const root = join(import.meta.dirname, '../../..');

test('directories: sorted, through folders, without hidden files', () => {
  const dir = mkdtempSync(join(tmpdir(), 'attune-'));
  for (const name of ['b.jsonl', 'a.csv', 'sub/c.txt.gz', 'A.parquet', '.hidden', 'sub/.x.json']) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), 'x');
  }
  const found = listFiles([{ path: dir, weight: 2 }]);
  assert.equal(
    found,
    ['A.parquet', 'a.csv', 'b.jsonl', 'sub/c.txt.gz'].map((name) => ({
      path: join(dir, name),
      weight: 2,
    })),
  );
  writeFileSync(join(dir, 'README.md'), 'x');
  assert.match(
    failure('data', () => listFiles([dir])),
    /README\.md: not a kind of file that is read/,
  );
  const empty = mkdtempSync(join(tmpdir(), 'attune-'));
  assert.match(
    failure('data', () => listFiles([empty])),
    /the directory has no data files/,
  );
  symlinkSync(dir, join(empty, 'link'));
  assert.match(
    failure('data', () => listFiles([empty])),
    /link: a link to a directory/,
  );
});

test('weights behind a colon, unless a file is called so', () => {
  const path = file('a.jsonl', '{}');
  assert.equal(listFiles([`${path}:0.5`, `${path}:2`, path]), [
    { path, weight: 0.5 },
    { path, weight: 2 },
    { path, weight: 1 },
  ]);
  const odd = file('a:3.jsonl', '{}');
  assert.equal(listFiles([odd]), [{ path: odd, weight: 1 }]);
  for (const weight of ['0', '-1', '-.5e1', '1e999']) {
    assert.match(
      failure('config', () => listFiles([`${path}:${weight}`])),
      /the weight must be above 0/,
    );
  }
  assert.match(
    failure('data', () => listFiles(['-', '-'])),
    /read only once/,
  );
});

test('temporary files go with close, and those of a killed process with the next', () => {
  const left = join(cache, 'spool', `${hostname()}-999999999-abcdef`);
  const other = join(cache, 'spool', 'elsewhere-999999999-abcdef');
  for (const dir of [left, other]) mkdirSync(dir, { recursive: true });
  const spool = new Spool();
  const path = spool.newFile('jsonl');
  writeFileSync(path, 'x');
  assert.ok(!existsSync(left) && existsSync(other));
  spool.close();
  assert.ok(!existsSync(path));
  assert.equal(readdirSync(join(cache, 'spool')), ['elsewhere-999999999-abcdef']);
  rmSync(other, { recursive: true });
  const listeners = () => process.listenerCount('exit');
  const before = listeners();
  const many = Array.from({ length: 12 }, () => new Spool());
  for (const each of many) each.newFile('jsonl');
  assert.is(listeners(), before + 1);
  for (const each of many) each.close();
  assert.is(listeners(), before);
});

/** Runs a program that reads standard input as data; what it prints. */
async function piped(input: Buffer | string): Promise<string> {
  const program = `
    import { openSource } from ${JSON.stringify(join(root, 'src/data/source.ts'))};
    import { Spool } from ${JSON.stringify(join(root, 'src/data/spool.ts'))};
    import { RowReader } from ${JSON.stringify(join(root, 'src/data/reader.ts'))};
    const spool = new Spool();
    try {
      for (let again = 0; again < 2; again++) {
        const source = await openSource({ path: '-', weight: 1 }, spool);
        const reader = new RowReader(source);
        for (let i = 0; i < source.rows.length; i++) {
          const range = source.rows.at(i);
          console.log(range.line + ' ' + JSON.stringify(reader.read(range)));
        }
      }
    } catch (error) { console.log(error.message); }`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stdin.end(input);
  await new Promise((resolve) => child.on('close', resolve));
  return output;
}

test('standard input: lines, an array, gzip; read once, given as often as asked for', async () => {
  const twice = (text: string) => text + text;
  assert.is(await piped('{"a":1}\n\n{"a":2}'), twice('1 {"a":1}\n3 {"a":2}\n'));
  assert.is(await piped('\n [{"a":1}]'), twice('2 {"a":1}\n'));
  assert.is(await piped(gzipSync('{"a":1}')), twice('1 {"a":1}\n'));
  assert.match(await piped('text\n'), /^-: standard input is read as JSON Lines/);
  assert.match(await piped(''), /^-: empty file/);
  assert.equal(readdirSync(join(cache, 'spool')), []);
});

test.run();
