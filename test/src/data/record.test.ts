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
  assert.is(found.written, 'conversations');
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
    record({
      messages: [{ role: 'assistant', content: null, tool_calls: [{ name: 'f', arguments: {} }] }],
    }).shape,
    'messages',
  );
});

test('ShareGPT: tools, calls, answers of tools, a system prompt beside the turns', () => {
  const conversations = [
    { from: 'human', value: 'a' },
    { from: 'function_call', value: '{"name":"f","arguments":{"x":1}}' },
    { from: 'observation', value: 'b' },
    {
      from: 'function_call',
      value: '[{"name":"f","arguments":"{\\"x\\":2}"},{"name":"g","arguments":{}}]',
    },
    { from: 'function_response', value: 'c' },
    { from: 'gpt', value: 'd' },
  ];
  const call = (name: string, given: object) => ({
    type: 'function',
    function: { name, arguments: given },
  });
  const found = record({ conversations, system: 's', tools: '[{"name":"f","parameters":{}}]' });
  assert.equal(found, {
    shape: 'messages',
    written: 'conversations',
    messages: [
      { role: 'system', content: 's' },
      { role: 'user', content: 'a' },
      { role: 'assistant', content: '', tool_calls: [call('f', { x: 1 })] },
      { role: 'tool', content: 'b' },
      { role: 'assistant', content: '', tool_calls: [call('f', { x: 2 }), call('g', {})] },
      { role: 'tool', content: 'c' },
      { role: 'assistant', content: 'd' },
    ],
    extras: {
      tools: [{ type: 'function', function: { name: 'f', parameters: {} } }],
      documents: null,
      variables: {},
    },
  });
  const bad = (value: unknown) => problem({ conversations: [{ from: 'function_call', value }] });
  assert.match(
    bad('{'),
    /^"conversations\[0\]\.value" is a string that is not JSON: it ends too early/,
  );
  assert.match(bad('{"name":"f"}'), /^"conversations\[0\]\.value\.arguments" must be an object/);
  assert.match(bad('[1]'), /^"conversations\[0\]\.value\[0\]" must be an object/);
  const twice = [{ from: 'system', value: 's' }];
  assert.match(problem({ conversations: twice, system: 's' }), /^"system" is given twice/);
});

test('OpenAI chat: arguments stay as they are', () => {
  const message = (given: unknown) => ({
    role: 'assistant',
    content: null,
    refusal: null,
    tool_calls: [{ id: '1', type: 'function', function: { name: 'f', arguments: given } }],
  });
  for (const given of ['{"a": 1.0}', { a: 1 }]) {
    const found = record({ messages: [message(given)] });
    assert.ok(found.shape === 'messages');
    const { refusal: _, ...kept } = message(given);
    assert.equal(found.messages, [kept]);
  }
  const bad = (given: unknown) => problem({ messages: [message(given)] });
  const name = /^"messages\[0\]\.tool_calls\[0\]\.function\.arguments/;
  assert.match(bad('{"a":'), name);
  assert.match(bad('{"a":1,"a":2}'), /the key "a" is given twice/);
  assert.match(bad('3'), name);
  assert.match(bad(''), name);
  assert.match(bad(null), name);
  assert.match(bad({ a: { b: [12345678901234567000] } }), /a\.b\[0\]" is a number beyond 2\^53/);
  assert.match(bad({ a: Number.POSITIVE_INFINITY }), /beyond 2\^53/);
});

test('content in parts is joined', () => {
  const content = [
    { type: 'text', text: 'a' },
    { type: 'text', value: 'b' },
  ];
  const found = record({ messages: [{ role: 'user', content }] });
  assert.ok(found.shape === 'messages');
  assert.is(found.messages[0]?.content, 'ab');
});

test('Alpaca, with the prompts that were published', () => {
  const row = { instruction: 'I', input: '', output: 'O' };
  const prompt =
    'Below is an instruction that describes a task. Write a response that appropriately completes ' +
    'the request.\n\n### Instruction:\nI\n\n### Response:';
  const expected = {
    shape: 'prompt and completion',
    prompt,
    completion: 'O',
    written: 'instruction and output',
  };
  assert.equal(record(row), expected);
  assert.equal(record({ ...row, input: null, history: [], system: '' }), expected);
  const withInput = record({ ...row, input: 'X' });
  assert.ok(withInput.shape === 'prompt and completion');
  assert.is(
    withInput.prompt,
    'Below is an instruction that describes a task, paired with an input that provides further ' +
      'context. Write a response that appropriately completes the request.\n\n' +
      '### Instruction:\nI\n\n### Input:\nX\n\n### Response:',
  );
  assert.match(problem({ ...row, history: [['a', 'b']] }), /^"history" has no place/);
  assert.match(problem({ ...row, input: 3 }), /^"input" must be a string/);
  assert.is(record({ ...row, text: 'whole' }).shape, 'text');
});

test('question and answer', () => {
  assert.equal(record({ question: 'q', answer: 'a' }), {
    shape: 'prompt and completion',
    prompt: 'q',
    completion: 'a',
    written: 'question and answer',
  });
});

test('what is no row to fine-tune on says what to do', () => {
  const pair = { chosen: 'a', rejected: 'b' };
  assert.match(problem(pair), /^a preference pair .*formatting_func/);
  assert.match(problem({ conversations: [], ...pair }), /^a preference pair/);
  assert.match(problem({ prompt: 'p', ...pair }), /^a preference pair/);
  assert.is(record({ text: 'a', ...pair }).shape, 'text');
  assert.match(problem({ text: 'a', replies: [] }), /^a tree of messages/);
  assert.match(problem({ instruction: 'a', instances: [] }), /^an instruction with a list/);
});

test('roles are those that templates know', () => {
  for (const role of ['human', 'bot', 'User', 'toString', '']) {
    const messages = [{ role, content: 'a' }];
    assert.match(problem({ messages }), /^"messages\[0\]\.role" is ".*"; known are system, /);
  }
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
  assert.match(problem('x'), /^a row must be a JSON object: .* \.txt file$/);
  assert.is(problem([1]), 'a row must be a JSON object');
  assert.match(problem({ question: 'a', reply: 'b', note: null }), /this one has question, reply$/);
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
    /^f\.jsonl:7: this row has text, rows of its file have messages/,
  );
});

test.run();
