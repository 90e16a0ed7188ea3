/** Rows that must be refused by file and line, through all of reading, rendering and tokenizing. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inspectRows } from '../../../src/batch/inspect.ts';
import { Records } from '../../../src/batch/records.ts';
import type { DataOptions } from '../../../src/data/options.ts';
import { Spool } from '../../../src/data/spool.ts';
import { AttuneError } from '../../../src/errors.ts';
import { tinyDirectory } from '../tokenizer/tiny.ts';
import { options } from '../worker/options.ts';
import { file } from './files.ts';

const tokenizerDir = tinyDirectory();

async function inspect(path: string, changes: Partial<DataOptions> = {}): Promise<number> {
  const given = options({ tokenizerDir, files: [path], ...changes });
  const spool = new Spool();
  try {
    const records = await Records.open(given, spool);
    let rows = 0;
    for await (const _ of inspectRows(records, given)) rows++;
    return rows;
  } finally {
    spool.close();
  }
}

/** What is said of a bad row on line 3, its path cut to its name. */
async function refusal(row: string | Buffer, good: string): Promise<string> {
  const path = file(
    'f.jsonl',
    Buffer.concat([Buffer.from(`${good}\n\n`), Buffer.from(row), Buffer.from(`\n${good}\n`)]),
  );
  try {
    await inspect(path);
  } catch (error) {
    assert.instance(error, AttuneError, String((error as Error).stack));
    assert.ok((error as Error).message.startsWith(`${path}:3: `), (error as Error).message);
    return (error as Error).message.slice(path.length + 4);
  }
  return assert.unreachable(`read: ${String(row).slice(0, 200)}`) as never;
}

const chat = (messages: unknown): string => JSON.stringify({ messages });
const user = { role: 'user', content: 'hello' };
const assistant = { role: 'assistant', content: 'a' };
const good = chat([user, assistant]);
const call = (given: unknown) => ({
  role: 'assistant',
  tool_calls: [{ type: 'function', function: { name: 'f', arguments: given } }],
});
const deep = (open: string, close: string, levels: number) =>
  open.repeat(levels) + close.repeat(levels);

const cases: [string, string | Buffer, RegExp][] = [
  ['key given twice', '{"messages":[],"messages":[]}', /the key "messages" is given twice/],
  [
    'key given twice below',
    '{"messages":[{"role":"user","role":"system","content":"a"}]}',
    /"role" is given twice/,
  ],
  ['__proto__', '{"__proto__":{"text":"a"},"text":"b"}', /"__proto__" is not allowed/],
  ['unknown role', chat([{ ...user, role: 'wizard' }, assistant]), /role" is "wizard"; known are/],
  ['role of another case', chat([{ ...user, role: 'User' }, assistant]), /role" is "User"/],
  ['no role', chat([{ content: 'a' }]), /has no role/],
  ['role null', chat([{ role: null, content: 'a' }]), /has no role/],
  ['role a number', chat([{ role: 1, content: 'a' }]), /role" must be a string/],
  [
    'content null',
    chat([user, { role: 'assistant', content: null }]),
    /messages\[1\]\.content" must be a string/,
  ],
  [
    'content absent',
    chat([user, { role: 'assistant' }]),
    /messages\[1\]\.content" must be a string/,
  ],
  [
    'content a number',
    chat([user, { role: 'assistant', content: 5 }]),
    /content" must be a string/,
  ],
  [
    'content an object',
    chat([user, { role: 'assistant', content: {} }]),
    /content" must be a string/,
  ],
  [
    'content an image',
    chat([{ role: 'user', content: [{ type: 'image_url' }] }, assistant]),
    /only text/,
  ],
  ['message null', chat([user, null]), /messages\[1\]" must be an object/],
  ['messages empty', chat([]), /empty list/],
  ['messages text', chat('hello'), /must be a list/],
  ['broken arguments', chat([user, call('{"a":')]), /arguments" is a string that is not JSON/],
  ['arguments twice', chat([user, call('{"a":1,"a":2}')]), /the key "a" is given twice/],
  ['arguments null', chat([user, call(null)]), /arguments" must be an object/],
  [
    'huge number',
    `{"messages":[${JSON.stringify(user)},{"role":"assistant","tool_calls":[{"name":"f","arguments":{"a":1e999}}]}]}`,
    /beyond 2\^53/,
  ],
  [
    'huge integer',
    `{"messages":[${JSON.stringify(user)},{"role":"assistant","tool_calls":[{"name":"f","arguments":{"a":123456789012345678901}}]}]}`,
    /beyond 2\^53/,
  ],
  ['no assistant turn', chat([user]), /nothing to train/],
  ['depth bomb', `{"messages":${deep('[', ']', 100_000)}}`, /nested more than 100 levels/],
  [
    'depth bomb of objects',
    `{"a":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`,
    /nested more than 100/,
  ],
  ['depth bomb not closed', `{"messages":${'['.repeat(100_000)}`, /nested more than 100 levels/],
  [
    'depth bomb in arguments',
    chat([user, call(deep('[', ']', 50_000))]),
    /nested more than 100 levels/,
  ],
  [
    'bytes not UTF-8',
    Buffer.concat([Buffer.from('{"messages":"'), Buffer.of(0xff), Buffer.from('"}')]),
    /^not valid UTF-8/,
  ],
  [
    'overlong UTF-8',
    Buffer.concat([Buffer.from('{"messages":"'), Buffer.of(0xc0, 0x80), Buffer.from('"}')]),
    /^not valid UTF-8/,
  ],
  [
    'surrogate in UTF-8',
    Buffer.concat([Buffer.from('{"messages":"'), Buffer.of(0xed, 0xa0, 0x80), Buffer.from('"}')]),
    /^not valid UTF-8/,
  ],
  ['half a surrogate pair', good.replace('hello', '\\ud83d'), /half of a surrogate pair/],
  ['zero byte', good.replace('hello', '\0'), /bare control character U\+0000/],
  ['escaped zero', good.replace('hello', '\\u0000'), /zero character/],
  ['not an object', '"hello"', /must be a JSON object/],
  ['an array', `[${good}]`, /must be a JSON object/],
  ['two rows', good + good, /not valid JSON: unexpected/],
  ['Python', "{'messages': None}", /not valid JSON: unexpected "'"/],
  ['NaN', '{"messages":NaN}', /not valid JSON: unexpected "N"/],
  ['cut off', good.slice(0, -5), /not valid JSON/],
  ['another shape', '{"text":"a"}', /this row has text, rows of its file have messages/],
  ['no shape', '{"question":"a"}', /a row needs "text".* this one has question/],
  ['preference pair', '{"chosen":"a","rejected":"b"}', /preference pair/],
];

for (const [name, row, message] of cases) {
  test(name, async () => assert.match(await refusal(row, good), message));
}

test('token rows: numbers that are no tokens', async () => {
  const tokens = '{"input_ids":[1,2],"labels":[1,2]}';
  for (const bad of ['1e999', '-1', '1.5', '"1"', 'null', '99999999999', 'true', '[1]']) {
    assert.match(await refusal(`{"input_ids":[1,${bad}]}`, tokens), /"input_ids\[1\]" is/);
  }
  assert.match(await refusal('{"input_ids":[1,2],"labels":[1]}', tokens), /must be equal/);
});

test('a line of 8 MB is a row, and a line of 300 MB is refused', async () => {
  const row = JSON.stringify({ text: 'hello '.repeat(1_400_000) });
  assert.is(await inspect(file('f.jsonl', `${row}\n{"text":"a"}\n`), { maxLength: 8 }), 2);
  const tooLong = Buffer.alloc((300 << 20) + 12, 0x78);
  tooLong.write('{"text":"a"}\n');
  const path = file('f.jsonl', tooLong);
  const error = await inspect(path).catch((thrown: Error) => thrown);
  assert.is((error as Error).message, `${path}:2: a row of 300 MiB; the longest is 256 MiB`);
});

test.run();
