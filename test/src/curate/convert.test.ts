import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { convert, toChat } from '../../../src/curate/convert.ts';
import { toRecord } from '../../../src/data/record.ts';
import { file, rejection } from '../data/files.ts';

const place = { file: 'f', line: 1 };
const chat = (row: object) => toChat(toRecord(row, 'text', place), row as Record<string, unknown>);
const [user, assistant] = [
  { role: 'user', content: 'q' },
  { role: 'assistant', content: 'a' },
];
const call = { name: 'f', arguments: { b: 1, a: [null] } };

const rows: [string, object, object][] = [
  ['prompt and completion', { prompt: 'q', completion: 'a' }, { messages: [user, assistant] }],
  ['question and answer', { question: 'q', answer: 'a' }, { messages: [user, assistant] }],
  ['Alpaca', { instruction: 'q', output: 'a' }, { messages: [user, assistant] }],
  [
    'Alpaca with input',
    { instruction: 'q', input: 'i', output: 'a' },
    { messages: [{ ...user, content: 'q\n\ni' }, assistant] },
  ],
  ['messages', { messages: [user, assistant], other: 1 }, { messages: [user, assistant] }],
  [
    'messages in two parts: earlier answers are not trained on',
    { prompt: [user, assistant, user], completion: [assistant] },
    { messages: [user, { ...assistant, weight: 0 }, user, assistant] },
  ],
  [
    'ShareGPT with a system prompt',
    {
      system: 's',
      conversations: [
        { from: 'human', value: 'q' },
        { from: 'gpt', value: 'a' },
      ],
    },
    { messages: [{ role: 'system', content: 's' }, user, assistant] },
  ],
  [
    'ShareGPT with tools',
    {
      tools: '[{"name":"f","parameters":{}}]',
      conversations: [
        { from: 'human', value: 'q' },
        { from: 'function_call', value: JSON.stringify([call, { ...call, name: 'g' }]) },
        { from: 'observation', value: '1' },
        { from: 'observation', value: '2' },
        { from: 'gpt', value: 'a' },
      ],
    },
    {
      messages: [
        user,
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            {
              id: 'call_0',
              type: 'function',
              function: { name: 'f', arguments: '{"b":1,"a":[null]}' },
            },
            {
              id: 'call_1',
              type: 'function',
              function: { name: 'g', arguments: '{"b":1,"a":[null]}' },
            },
          ],
        },
        { role: 'tool', content: '1', tool_call_id: 'call_0' },
        { role: 'tool', content: '2', tool_call_id: 'call_1' },
        assistant,
      ],
      tools: [{ type: 'function', function: { name: 'f', parameters: {} } }],
    },
  ],
  [
    'ids stay, in any order',
    {
      messages: [
        user,
        {
          role: 'assistant',
          tool_calls: [
            { id: 'x', type: 'function', function: { name: 'f', arguments: '{ }' } },
            { id: 'y', type: 'function', function: { name: 'f', arguments: '{}' } },
          ],
        },
        { role: 'tool', content: '2', tool_call_id: 'y', name: 'f' },
        { role: 'ipython', content: '1' },
        assistant,
      ],
    },
    {
      messages: [
        user,
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            { id: 'x', type: 'function', function: { name: 'f', arguments: '{ }' } },
            { id: 'y', type: 'function', function: { name: 'f', arguments: '{}' } },
          ],
        },
        { role: 'tool', content: '2', name: 'f', tool_call_id: 'y' },
        { role: 'tool', content: '1', tool_call_id: 'x' },
        assistant,
      ],
    },
  ],
  [
    'weights',
    {
      messages: [
        { ...user, train: true },
        { ...assistant, train: false },
        { ...assistant, weight: 1 },
        { ...assistant, loss_weight: 0 },
      ],
    },
    {
      messages: [
        user,
        { ...assistant, weight: 0 },
        { ...assistant, weight: 1 },
        { ...assistant, weight: 0 },
      ],
    },
  ],
  [
    'what the format does not have stays',
    {
      messages: [user, { ...assistant, thinking: 't' }],
      documents: [{ text: 'd' }],
      chat_template_kwargs: { v: 1 },
    },
    {
      messages: [user, { ...assistant, thinking: 't' }],
      documents: [{ text: 'd' }],
      chat_template_kwargs: { v: 1 },
    },
  ],
];
for (const [name, row, expected] of rows) {
  test(name, () => {
    assert.equal(chat(row), expected);
    // A second conversion changes nothing.
    assert.equal(chat(expected), expected);
  });
}

test('what is no conversation is refused', async () => {
  const refused: [object, RegExp][] = [
    [{ text: 'a' }, /a row of text is no conversation/],
    [{ input_ids: [1] }, /a row of input_ids is no conversation/],
    [{ messages: [user, { role: 'tool', content: '1' }, assistant] }, /no turn before it called/],
    [{ messages: [user, { ...assistant, weight: 0.5 }] }, /has 0 and 1/],
  ];
  for (const [row, message] of refused) {
    const path = file('rows.jsonl', `${JSON.stringify(row)}\n`);
    const to = `${path}.out.jsonl`;
    const text = await rejection('data', convert({ files: [path], output: to }));
    assert.ok(text.startsWith(`${path}:1: `), text);
    assert.match(text, message);
    assert.not(existsSync(to));
  }
});

const shared = join(import.meta.dirname, '../../../../shared/data');
test('real rows: every conversation, and read again as the same messages', async () => {
  if (!existsSync(shared)) {
    console.log('SKIPPED 1: no shared/data');
    return;
  }
  const to = join(mkdtempSync(join(tmpdir(), 'attune-')), 'chat.jsonl');
  for (const [name, rows] of [
    ['toolcall/glaive_toolcall_en_demo.json', 300],
    ['chat/dummy_conversation.json', 500],
    ['chat/v1_sft_demo.jsonl', 500],
    ['alpaca-en/alpaca_zh_demo.json', 1000],
    ['gsm8k/test.jsonl', 1319],
  ] as const) {
    const report = await convert({ files: [join(shared, name)], output: to });
    assert.equal([report.read, report.kept], [rows, rows], name);
    const lines = readFileSync(to, 'utf8').trimEnd().split('\n');
    assert.is(lines.length, rows);
    for (const line of lines) assert.equal(chat(JSON.parse(line)), JSON.parse(line));
  }
});

test.run();
