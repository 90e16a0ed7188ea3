/** As masks.test.ts, for what the text of a turn may be, and for templates that rewrite. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Message } from '../../../src/data/message.ts';
import { failure } from '../data/files.ts';
import { type Given, head, talk, trained } from './conversations.ts';

const none: Given = {};
const last: Given = { rules: { maskHistory: true } };
const noEnd: Given = { rules: { trainOnEos: 'none' } };

const call = (name: string, given: object): object => ({
  type: 'function',
  function: { name, arguments: given },
});

const cases: [string, string, Message[], Given, string][] = [
  // Empty turns.
  [
    'llama-3',
    'an empty answer',
    talk('u: a', 'a: ', 'u: c', 'a: d'),
    none,
    `<s>${head('user')}a<|eot_id|>${head('assistant')}⟦<|eot_id|>⟧${head('user')}c<|eot_id|>${head('assistant')}⟦d<|eot_id|>⟧`,
  ],
  [
    'llama-3',
    'an empty answer that is not trained',
    talk('u: a', ['a: ', { train: false }], 'u: c', 'a: d'),
    none,
    `<s>${head('user')}a<|eot_id|>${head('assistant')}<|eot_id|>${head('user')}c<|eot_id|>${head('assistant')}⟦d<|eot_id|>⟧`,
  ],
  [
    'plain chatml',
    'an empty answer',
    talk('u: a', 'a: '),
    none,
    '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n⟦<|im_end|>\n⟧',
  ],
  ['mistral', 'an empty question', talk('u: ', 'a: b'), none, '<s>[INST] [/INST]⟦ b</s>⟧'],
  [
    'llama-3',
    'white space that the template trims',
    talk('u:  a ', 'a:  \n b \n'),
    none,
    `<s>${head('user')}a<|eot_id|>${head('assistant')}⟦b<|eot_id|>⟧`,
  ],
  // Characters.
  [
    'chatml',
    'astral, combining and right-to-left',
    talk('u: 😀', 'a: e\u0301 שלום 👩‍👩‍👧 𝒳'),
    none,
    '<|im_start|>user\n😀<|im_end|>\n<|im_start|>assistant\n⟦e\u0301 שלום 👩‍👩‍👧 𝒳<|im_end|>\n⟧',
  ],
  [
    'plain chatml',
    'line ends as they are',
    talk('u: a\r\nb', 'a: c\r\n\rd\u2028'),
    none,
    '<|im_start|>user\na\r\nb<|im_end|>\n<|im_start|>assistant\n⟦c\r\n\rd\u2028<|im_end|>\n⟧',
  ],
  [
    'llama-3',
    'white space of Python, not of JavaScript',
    talk('u: \ufeffa\x1c', 'a: \x85b\ufeff'),
    none,
    `<s>${head('user')}\ufeffa<|eot_id|>${head('assistant')}⟦b\ufeff<|eot_id|>⟧`,
  ],
  [
    'plain chatml',
    'markup of the template engine is text',
    talk('u: {{ 1 }}{% if %}', 'a: {# b #}'),
    none,
    '<|im_start|>user\n{{ 1 }}{% if %}<|im_end|>\n<|im_start|>assistant\n⟦{# b #}<|im_end|>\n⟧',
  ],
  // Tools.
  [
    'plain hermes',
    'a call and its result',
    talk('u: a', ['a: ', { tool_calls: [call('f', { x: 1.5, y: 'é' })] }], 't: 42', 'a: b'),
    { tools: [{ name: 'f' }] },
    '<|im_start|>system\n# Tools\n{"name": "f"}\n<|im_end|>\n<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n⟦<tool_call>\n{"name": "f", "arguments": {"x": 1.5, "y": "é"}}\n</tool_call><|im_end|>\n⟧<|im_start|>user\n<tool_response>\n42\n</tool_response><|im_end|>\n<|im_start|>assistant\n⟦b<|im_end|>\n⟧',
  ],
  [
    'plain hermes',
    'text before a call, two calls',
    talk('u: a', ['a: so', { tool_calls: [call('f', {}), call('g', { z: null })] }]),
    none,
    '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n⟦so\n<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>\n<tool_call>\n{"name": "g", "arguments": {"z": null}}\n</tool_call><|im_end|>\n⟧',
  ],
  [
    'plain hermes',
    'a call without its end of turn',
    talk('u: a', ['a: ', { tool_calls: [call('f', {})] }]),
    noEnd,
    '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n⟦<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>⟧<|im_end|>\n',
  ],
  // Templates that rewrite.
  [
    'plain thinking',
    'thoughts of the last turn',
    talk('u: a', 'a: <think>x</think>\nb'),
    none,
    '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n⟦<think>x</think>\nb<|im_end|>\n⟧',
  ],
  [
    'plain thinking',
    'thoughts are dropped from history: the last turn',
    talk('u: a', 'a: <think>x</think>\nb', 'u: c', 'a: <think>y</think>\nd'),
    last,
    '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n⟦<think>y</think>\nd<|im_end|>\n⟧',
  ],
  [
    'chatml',
    'a preset keeps thoughts in every turn',
    talk('u: a', 'a: <think>x</think>\nb', 'u: c', 'a: d'),
    none,
    '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n⟦<think>x</think>\nb<|im_end|>\n⟧<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n⟦d<|im_end|>\n⟧',
  ],
];

for (const [template, what, messages, given, expected] of cases) {
  test(`${template}: ${what}`, () => assert.is(trained(template, messages, given), expected));
}

const refusals: [string, string, Message[], Given, 'template' | 'data', RegExp][] = [
  [
    'plain thinking',
    'history that is rewritten',
    talk('u: a', 'a: <think>x</think>b', 'u: c', 'a: d'),
    none,
    'template',
    /messages\[1\] cannot be told apart; .*mask_history: true/,
  ],
  [
    'plain moving',
    'a system prompt that moves',
    talk('s: S', 'u: a', 'a: b', 'u: c', 'a: d'),
    none,
    'template',
    /messages\[0\.\.2\] differently/,
  ],
  [
    'plain mistral',
    'the template’s own refusal',
    talk('u: a', 'u: b', 'a: c'),
    none,
    'template',
    /chat template: Conversation roles must alternate/,
  ],
  [
    'chatml',
    'a share of a weight',
    talk('u: a', ['a: b', { weight: 0.5 }]),
    none,
    'data',
    /weight is 0\.5.*loss weighted by token/,
  ],
  [
    'chatml',
    'a flag that is none',
    talk('u: a', ['a: b', { train: 'yes' }]),
    none,
    'data',
    /train is "yes"/,
  ],
  [
    'chatml',
    'flags that disagree',
    talk('u: a', ['a: b', { train: true, weight: 0 }]),
    none,
    'data',
    /disagree/,
  ],
  [
    'chatml',
    'flags where everything is trained',
    talk('u: a', ['a: b', { train: false }]),
    { rules: { assistantOnlyLoss: false } },
    'data',
    /messages\[1\] has "train"/,
  ],
];

for (const [template, what, messages, given, code, message] of refusals) {
  test(`${template}: ${what} is refused`, () => {
    const found = failure(code, () => trained(template, messages, given));
    assert.match(found, message);
    assert.match(found, /^f\.jsonl:1: /);
  });
}

test('a date does not make two renderings differ', () => {
  const shown = trained('plain dated', talk('u: a', 'a: b', 'u: c', 'a: d'));
  assert.match(shown, /^Today is .*\.<user>a<\/><assistant>⟦b<\/>⟧<user>c<\/><assistant>⟦d<\/>⟧$/);
});

test.run();
