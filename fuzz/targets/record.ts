import { parseJson } from '../../src/data/json.ts';
import { toRecord } from '../../src/data/record.ts';
import { JsonProblem } from '../../src/data/scan.ts';
import { AttuneError } from '../../src/errors.ts';
import { rule, type Target } from '../target.ts';

const call = { type: 'function', id: 'c1', function: { name: 'f', arguments: '{"x":1}' } };
const seeds = [
  { text: 'a' },
  { prompt: 'a', completion: 'b' },
  { prompt: [{ role: 'user', content: 'a' }], completion: [{ role: 'assistant', content: 'b' }] },
  { messages: [{ role: 'user', content: 'a' }, { role: 'assistant', content: 'b', weight: 0 }] },
  {
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'a' }] },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', name: 'f', tool_call_id: 'c1', content: '2' },
      { role: 'assistant', content: 'b', train: true },
    ],
    tools: [{ type: 'function', function: { name: 'f', parameters: {} } }],
    chat_template_kwargs: { x: 1 },
  },
  { conversations: [{ from: 'human', value: 'a' }, { from: 'gpt', value: 'b' }], system: 's' },
  { instruction: 'a', input: '', output: 'b' },
  { question: 'a', answer: 'b' },
  { input_ids: [1, 2, 3], labels: [-100, 2, 3] },
  { input_ids: [1, 2, 3], completion_mask: [0, 1, 1], assistant_masks: [0, 1, 0] },
]; // biome-ignore format: a table

/** Parsed rows of every shape. */
export const target: Target = {
  name: 'record',
  seeds: seeds.map((row) => JSON.stringify(row)),
  words: [
    'role', 'content', 'user', 'assistant', 'system', 'tool', 'from', 'value', 'human', 'gpt',
    'function_call', 'observation', 'messages', 'conversations', 'prompt', 'completion', 'text',
    'tools', 'tool_calls', 'function', 'arguments', 'name', 'weight', 'train', 'input_ids', 'labels',
  ], // biome-ignore format: a table
  json: true,
  run(input) {
    const row = parseJson(Buffer.from(input).toString());
    const record = toRecord(row, 'text', { file: 'fuzz', line: 1 });
    if (record.shape === 'input_ids') {
      const { ids, labels, completionMask } = record;
      rule(
        ids.every((id) => id >= 0),
        'a negative id',
      );
      rule((labels ?? completionMask ?? ids).length === ids.length, 'labels of another length');
    } else if (record.shape === 'messages') {
      for (const { role } of record.messages)
        rule(typeof role === 'string', 'a role that is no text');
    }
    return record.shape;
  },
  refuses: (error) =>
    error instanceof JsonProblem || (error instanceof AttuneError && error.code === 'data'),
};
