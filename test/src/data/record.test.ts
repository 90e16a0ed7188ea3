import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkShape, type DataRecord, toRecord } from '../../../src/data/record.ts';
import { failure } from './files.ts';

const place = { file: 'f.jsonl', line: 7 };
const record = (row: unknown, field = 'text'): DataRecord => toRecord(row, field, place);

function problem(row: unknown, field = 'text'): string {
  const message = failure('data', () => record(row, field));
  assert.ok(message.startsWith('f.jsonl:7: '), message);
  return message.slice('f.jsonl:7: '.length);
}

test('text, by the name of its column', () => {
  assert.equal(record({ text: 'a', id: 1 }), { shape: 'text', text: 'a' });
  assert.equal(record({ body: 'a' }, 'body'), { shape: 'text', text: 'a' });
  assert.match(problem({ text: 3 }), /^"text" must be a string/);
  assert.match(problem({ text: 'a\ud800' }), /surrogate/);
});

test('prompt and completion', () => {
  const row = { prompt: 'a', completion: 'b' };
  assert.equal(record(row), { shape: 'prompt and completion', ...row });
  assert.is(problem({ prompt: 'a' }), 'this row has "prompt" but no "completion"');
  assert.is(problem({ prompt: 'a', completion: 2 }), '"completion" must be a string');
  const messages = {
    prompt: [{ role: 'user', content: 'a' }],
    completion: [{ role: 'assistant', content: 'b' }],
  };
  assert.is(record(messages).shape, 'prompt and completion messages');
  assert.match(
    problem({ ...messages, completion: 'b' }),
    /"completion" must be a list of messages/,
  );
});

test('messages, with tools as a list or as JSON text', () => {
  const messages = [{ role: 'user', content: 'a', name: 'n' }];
  const extras = { tools: null, documents: null, variables: {} };
  assert.equal(record({ messages }), { shape: 'messages', messages, extras });
  const withTools = record({ messages, tools: '[{"a":1}]', chat_template_kwargs: { b: 2 } });
  assert.equal(withTools, {
    shape: 'messages',
    messages,
    extras: { tools: [{ a: 1 }], documents: null, variables: { b: 2 } },
  });
  assert.match(problem({ messages, tools: '{' }), /"tools" is a string that is not JSON/);
  assert.match(problem({ messages, tools: {} }), /"tools" must be a list/);
  assert.match(problem({ messages, chat_template_kwargs: [] }), /"chat_template_kwargs"/);
});

test('from and value', () => {
  const conversations = [
    { from: 'system', value: 's' },
    { from: 'human', value: 'a' },
    { from: 'gpt', value: 'b' },
  ];
  const found = record({ conversations });
  assert.ok(found.shape === 'messages');
  assert.equal(
    found.messages.map(({ role, content }) => [role, content]),
    [
      ['system', 's'],
      ['user', 'a'],
      ['assistant', 'b'],
    ],
  );
  assert.match(
    problem({ conversations: [{ from: 'toString', value: 'a' }] }),
    /^"conversations\[0\]\.from" is "toString"; known are human, /,
  );
});

test('a bad message names its field', () => {
  const bad = (message: unknown): string =>
    problem({ messages: [{ role: 'user', content: 'a' }, message] });
  assert.match(bad('x'), /^"messages\[1\]" must be an object/);
  assert.match(bad({ content: 'a' }), /^"messages\[1\]" has no role/);
  assert.match(bad({ role: 1, content: 'a' }), /^"messages\[1\]\.role" must be a string/);
  assert.match(bad({ role: 'user' }), /^"messages\[1\]\.content" must be a string/);
  assert.match(bad({ role: 'user', content: [{ type: 'image' }] }), /content\[0\]" must be .*text/);
  assert.match(problem({ messages: [] }), /^"messages" is an empty list/);
  assert.is(
    record({ messages: [{ role: 'assistant', content: null, tool_calls: [{}] }] }).shape,
    'messages',
  );
});

test('tokens with labels or masks', () => {
  const row = { input_ids: [1, 2, 3], labels: [-100, 2, 3] };
  assert.equal(record(row), {
    shape: 'input_ids',
    ids: Int32Array.of(1, 2, 3),
    labels: Int32Array.of(-100, 2, 3),
    completionMask: null,
    assistantMask: null,
  });
  const masked = record({ input_ids: [1, 2], completion_mask: [0, 1] });
  assert.ok(masked.shape === 'input_ids');
  assert.equal(masked.completionMask, Uint8Array.of(0, 1));
  assert.match(
    problem({ input_ids: [1, 2], labels: [1] }),
    /"labels" has 1 entries and "input_ids" 2/,
  );
  assert.is(problem({ input_ids: [1, -2] }), '"input_ids[1]" is -2');
  assert.is(problem({ input_ids: [1, 2.5] }), '"input_ids[1]" is 2.5');
  assert.is(problem({ input_ids: [1], labels: [-1] }), '"labels[0]" is -1');
  assert.is(problem({ input_ids: [1], assistant_masks: [2] }), '"assistant_masks[0]" is 2');
});

test('what is not a row says what was found', () => {
  assert.is(problem('x'), 'a row must be a JSON object');
  assert.match(
    problem({ question: 'a', answer: 'b', note: null }),
    /this one has question, answer$/,
  );
  assert.match(problem(JSON.parse('{"__proto__":{"text":"a"}}')), /this one has __proto__/);
});

test('null counts as absent', () => {
  assert.is(record({ text: 'a', messages: null, prompt: null, completion: null }).shape, 'text');
});

test('mixed shapes', () => {
  const row = record({ text: 'a' });
  checkShape(row, 'text', place);
  assert.match(
    failure('data', () => checkShape(row, 'messages', place)),
    /^f\.jsonl:7: this row has text, the first row of the file has messages/,
  );
});

test.run();
