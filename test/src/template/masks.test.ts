/**
 * What is trained in small conversations, decided from the definition: the assistant's text from
 * behind the generation prompt to the end of its turn. Trained parts stand in ⟦ ⟧.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Message } from '../../../src/data/message.ts';
import { type Given, head, talk, trained } from './conversations.ts';

const none: Given = {};
const last: Given = { rules: { maskHistory: true } };
const everyone: Given = { rules: { rolesToTrain: ['user', 'assistant', 'system'] } };
const users: Given = { rules: { rolesToTrain: ['user'] } };
const noEnd: Given = { rules: { trainOnEos: 'none' } };
const lastEnd: Given = { rules: { trainOnEos: 'last' } };
const everyEos: Given = { rules: { trainOnEos: 'all' } };

const cases: [string, string, Message[], Given, string][] = [
  // One turn, by every format.
  [
    'alpaca',
    'one turn',
    talk('s: S', 'u: a', 'a: b'),
    none,
    '<s>S\n\n### Instruction:\na\n\n### Response:⟦b</s>⟧',
  ],
  ['vicuna', 'one turn', talk('s: S', 'u: a', 'a: b'), none, '<s>S USER: a ASSISTANT:⟦ b</s>⟧'],
  ['llama-2', 'one turn', talk('u: a', 'a: b'), none, '<s>[INST] a [/INST]⟦ b </s>⟧'],
  [
    'llama-3',
    'one turn',
    talk('u: a', 'a: b'),
    none,
    `<s>${head('user')}a<|eot_id|>${head('assistant')}⟦b<|eot_id|>⟧`,
  ],
  ['zephyr', 'one turn', talk('u: a', 'a: b'), none, '<|user|>\na</s>\n<|assistant|>\n⟦b</s>\n⟧'],
  ['mistral', 'one turn', talk('u: a', 'a: b'), none, '<s>[INST] a[/INST]⟦ b</s>⟧'],
  [
    'gemma',
    'one turn',
    talk('u: a', 'a: b'),
    none,
    '<s><start_of_turn>user\na<end_of_turn>\n<start_of_turn>model\n⟦b<end_of_turn>\n⟧',
  ],
  [
    'phi-3',
    'one turn',
    talk('u: a', 'a: b'),
    none,
    '<|user|>\na<|end|>\n<|assistant|>\n⟦b<|end|>\n⟧',
  ],
  [
    'orca',
    'one turn',
    talk('s: S', 'u: a', 'a: b'),
    none,
    '<s>### System:\nS\n\n### User:\na\n\n### Response:\n⟦b</s>⟧',
  ],
  [
    'plain chatml',
    'one turn',
    talk('u: a', 'a: b'),
    none,
    '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n⟦b<|im_end|>\n⟧',
  ],
  [
    'plain llama3',
    'one turn',
    talk('u: a', 'a: b'),
    none,
    `<s>${head('user')}a<|eot_id|>${head('assistant')}⟦b<|eot_id|>⟧`,
  ],
  ['plain mistral', 'one turn', talk('u: a', 'a: b'), none, '<s>[INST] a [/INST]⟦ b</s>⟧'],
  // Several turns, and which of them.
  [
    'llama-2',
    'all turns',
    talk('u: a', 'a: b', 'u: c', 'a: d'),
    none,
    '<s>[INST] a [/INST]⟦ b </s>⟧<s>[INST] c [/INST]⟦ d </s>⟧',
  ],
  [
    'llama-2',
    'the last turn',
    talk('u: a', 'a: b', 'u: c', 'a: d'),
    last,
    '<s>[INST] a [/INST] b </s><s>[INST] c [/INST]⟦ d </s>⟧',
  ],
  [
    'mistral',
    'one turn is not trained',
    talk('u: a', ['a: b', { train: false }], 'u: c', 'a: d'),
    none,
    '<s>[INST] a[/INST] b</s>[INST] c[/INST]⟦ d</s>⟧',
  ],
  [
    'mistral',
    'weight 0 and 1',
    talk('u: a', ['a: b', { weight: 1 }], 'u: c', ['a: d', { weight: 0 }]),
    none,
    '<s>[INST] a[/INST]⟦ b</s>⟧[INST] c[/INST] d</s>',
  ],
  [
    'mistral',
    'the last of the turns that are trained',
    talk('u: a', 'a: b', 'u: c', ['a: d', { train: false }]),
    last,
    '<s>[INST] a[/INST]⟦ b</s>⟧[INST] c[/INST] d</s>',
  ],
  [
    'plain chatml',
    'one turn is not trained',
    talk('u: a', ['a: b', { weight: 0 }], 'u: c', 'a: d'),
    none,
    '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n⟦d<|im_end|>\n⟧',
  ],
  [
    'plain chatml',
    'a user’s turn is trained',
    talk(['u: a', { train: true }], 'a: b'),
    none,
    '<|im_start|>user\n⟦a<|im_end|>\n⟧<|im_start|>assistant\n⟦b<|im_end|>\n⟧',
  ],
  [
    'chatml',
    'a user’s turn is trained beside markers',
    talk(['u: a', { train: true }], 'a: b'),
    none,
    '<|im_start|>user\n⟦a<|im_end|>\n⟧<|im_start|>assistant\n⟦b<|im_end|>\n⟧',
  ],
  [
    'chatml',
    'users alone',
    talk('u: a', 'a: b', 'u: c'),
    users,
    '<|im_start|>user\n⟦a<|im_end|>\n⟧<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\n⟦c<|im_end|>\n⟧',
  ],
  [
    'plain llama3',
    'every role',
    talk('s: S', 'u: a', 'a: b'),
    everyone,
    `<s>${head('system')}⟦S<|eot_id|>⟧${head('user')}⟦a<|eot_id|>⟧${head('assistant')}⟦b<|eot_id|>⟧`,
  ],
  [
    'zephyr',
    'two answers in a row',
    talk('u: a', 'a: b', 'a: c'),
    none,
    '<|user|>\na</s>\n<|assistant|>\n⟦b</s>\n⟧<|assistant|>\n⟦c</s>\n⟧',
  ],
  [
    'plain chatml',
    'the assistant begins',
    talk('a: b', 'u: c', 'a: d'),
    none,
    '<|im_start|>assistant\n⟦b<|im_end|>\n⟧<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n⟦d<|im_end|>\n⟧',
  ],
  [
    'phi-3',
    'the user has the last word',
    talk('u: a', 'a: b', 'u: c'),
    none,
    '<|user|>\na<|end|>\n<|assistant|>\n⟦b<|end|>\n⟧<|user|>\nc<|end|>\n',
  ],
  // Ends of turns.
  ['llama-2', 'no end of turn', talk('u: a', 'a: b'), noEnd, '<s>[INST] a [/INST]⟦ b ⟧</s>'],
  [
    'gemma',
    'no end of turn',
    talk('u: a', 'a: b', 'u: c', 'a: d'),
    noEnd,
    '<s><start_of_turn>user\na<end_of_turn>\n<start_of_turn>model\n⟦b⟧<end_of_turn>\n<start_of_turn>user\nc<end_of_turn>\n<start_of_turn>model\n⟦d⟧<end_of_turn>\n',
  ],
  [
    'mistral',
    'the last end of turn',
    talk('u: a', 'a: b', 'u: c', 'a: d'),
    lastEnd,
    '<s>[INST] a[/INST]⟦ b⟧</s>[INST] c[/INST]⟦ d</s>⟧',
  ],
  [
    'plain chatml',
    'the last end of turn',
    talk('u: a', 'a: b', 'u: c', 'a: d'),
    lastEnd,
    '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n⟦b⟧<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n⟦d<|im_end|>\n⟧',
  ],
  [
    'zephyr',
    'every EOS',
    talk('u: a', 'a: b'),
    everyEos,
    '<|user|>\na⟦</s>⟧\n<|assistant|>\n⟦b</s>\n⟧',
  ],
  [
    'zephyr',
    'every EOS, not the one that a user writes',
    talk('u: </s>', 'a: b'),
    everyEos,
    '<|user|>\n</s>⟦</s>⟧\n<|assistant|>\n⟦b</s>\n⟧',
  ],
];

for (const [template, what, messages, given, expected] of cases) {
  test(`${template}: ${what}`, () => assert.is(trained(template, messages, given), expected));
}

test.run();
