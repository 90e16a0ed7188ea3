/** Texts and trained parts written by hand, from each format's definition (docs/templates.md). */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Message } from '../../../src/data/message.ts';
import { ChatTemplate } from '../../../src/template/chat.ts';
import { presetNames, presets, presetTemplate } from '../../../src/template/presets.ts';
import { failure } from '../data/files.ts';

const none = { tools: null, documents: null, variables: {} };
const special = { bos_token: '<s>', eos_token: '</s>' };
const alpaca =
  'Below is an instruction that describes a task. Write a response that appropriately completes the request.';
const vicuna =
  "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's questions.";

/** Two turns each of "a", "b", "c", "d", and one behind the system prompt "S"; trained in brackets. */
const expected: Record<string, { two: string; system: string | null; prompt: string }> = {
  alpaca: {
    two: `<s>${alpaca}\n\n### Instruction:\na\n\n### Response:[b</s>]\n\n### Instruction:\nc\n\n### Response:[d</s>]`,
    system: '<s>S\n\n### Instruction:\na\n\n### Response:[b</s>]',
    prompt: `<s>${alpaca}\n\n### Instruction:\na\n\n### Response:`,
  },
  vicuna: {
    two: `<s>${vicuna} USER: a ASSISTANT:[ b</s>]USER: c ASSISTANT:[ d</s>]`,
    system: '<s>S USER: a ASSISTANT:[ b</s>]',
    prompt: `<s>${vicuna} USER: a ASSISTANT:`,
  },
  airoboros: {
    two: '<s>A chat. USER: a ASSISTANT:[ b</s>]USER: c ASSISTANT:[ d</s>]',
    system: '<s>S USER: a ASSISTANT:[ b</s>]',
    prompt: '<s>A chat. USER: a ASSISTANT:',
  },
  koala: {
    two: '<s>BEGINNING OF CONVERSATION: USER: a GPT:[b</s>]USER: c GPT:[d</s>]',
    system: '<s>S USER: a GPT:[b</s>]',
    prompt: '<s>BEGINNING OF CONVERSATION: USER: a GPT:',
  },
  guanaco: {
    two: '<s>### Human: a### Assistant:[ b</s>]### Human: c### Assistant:[ d</s>]',
    system: '<s>S\n\n### Human: a### Assistant:[ b</s>]',
    prompt: '<s>### Human: a### Assistant:',
  },
  orca: {
    two: '<s>### User:\na\n\n### Response:\n[b</s>]\n\n### User:\nc\n\n### Response:\n[d</s>]',
    system: '<s>### System:\nS\n\n### User:\na\n\n### Response:\n[b</s>]',
    prompt: '<s>### User:\na\n\n### Response:\n',
  },
  chatml: {
    two: '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n[b<|im_end|>\n]<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n[d<|im_end|>\n]',
    system:
      '<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n[b<|im_end|>\n]',
    prompt: '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n',
  },
  'llama-2': {
    two: '<s>[INST] a [/INST][ b </s>]<s>[INST] c [/INST][ d </s>]',
    system: '<s>[INST] <<SYS>>\nS\n<</SYS>>\n\na [/INST][ b </s>]',
    prompt: '<s>[INST] a [/INST]',
  },
  'llama-3': {
    two: '<s><|start_header_id|>user<|end_header_id|>\n\na<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n[b<|eot_id|>]<|start_header_id|>user<|end_header_id|>\n\nc<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n[d<|eot_id|>]',
    system:
      '<s><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\na<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n[b<|eot_id|>]',
    prompt:
      '<s><|start_header_id|>user<|end_header_id|>\n\na<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n',
  },
  zephyr: {
    two: '<|user|>\na</s>\n<|assistant|>\n[b</s>\n]<|user|>\nc</s>\n<|assistant|>\n[d</s>\n]',
    system: '<|system|>\nS</s>\n<|user|>\na</s>\n<|assistant|>\n[b</s>\n]',
    prompt: '<|user|>\na</s>\n<|assistant|>\n',
  },
  'phi-3': {
    two: '<|user|>\na<|end|>\n<|assistant|>\n[b<|end|>\n]<|user|>\nc<|end|>\n<|assistant|>\n[d<|end|>\n]',
    system: '<|system|>\nS<|end|>\n<|user|>\na<|end|>\n<|assistant|>\n[b<|end|>\n]',
    prompt: '<|user|>\na<|end|>\n<|assistant|>\n',
  },
  mistral: {
    two: '<s>[INST] a[/INST][ b</s>][INST] c[/INST][ d</s>]',
    system: '<s>[INST] S\n\na[/INST][ b</s>]',
    prompt: '<s>[INST] a[/INST]',
  },
  gemma: {
    two: '<s><start_of_turn>user\na<end_of_turn>\n<start_of_turn>model\n[b<end_of_turn>\n]<start_of_turn>user\nc<end_of_turn>\n<start_of_turn>model\n[d<end_of_turn>\n]',
    system: null,
    prompt: '<s><start_of_turn>user\na<end_of_turn>\n<start_of_turn>model\n',
  },
};

const say = (...contents: string[]): Message[] =>
  contents.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));

/** The text with the generation blocks in brackets. */
function shown(template: ChatTemplate, messages: Message[]): string {
  const { text, spans } = template.render(messages, none);
  let done = 0;
  let out = '';
  for (const [start, end] of spans) {
    out += `${text.slice(done, start)}[${text.slice(start, end)}]`;
    done = end;
  }
  return out + text.slice(done);
}

for (const [name, { two, system, prompt }] of Object.entries(expected)) {
  test(name, () => {
    const template = new ChatTemplate(presetTemplate(name) ?? '', special);
    assert.ok(template.marked);
    assert.is(shown(template, say('a', 'b', 'c', 'd')), two);
    const withSystem = [{ role: 'system', content: 'S' }, ...say('a', 'b')];
    if (system === null) failure('template', () => template.render(withSystem, none));
    else assert.is(shown(template, withSystem), system);
    assert.is(template.render(say('a'), none, { addGenerationPrompt: true }).text, prompt);
  });

  test(`${name}: the generation prompt and what is trained join without a seam`, () => {
    const template = new ChatTemplate(presetTemplate(name) ?? '', special);
    const { text, spans } = template.render(say('a', 'b'), none);
    assert.is(
      template.render(say('a'), none, { addGenerationPrompt: true }).text.length,
      spans[0]?.[0],
    );
    assert.is(spans.length, 1);
    assert.ok(text.slice(spans[0]?.[1]).trim() === '');
  });

  test(`${name} refuses what it has no place for`, () => {
    const template = new ChatTemplate(presetTemplate(name) ?? '', special);
    const refuses = (messages: Message[], extras = none): string =>
      failure('template', () => template.render(messages, extras));
    assert.match(refuses([...say('a'), { role: 'tool', content: 'x' }]), /no role tool/);
    assert.match(refuses(say('a'), { ...none, tools: [{}] } as never), /no place for tools/);
    const call = { role: 'assistant', content: '', tool_calls: [{}] };
    assert.match(refuses([...say('a'), call]), /no place for tool calls/);
    assert.match(refuses([...say('a', 'b'), { role: 'system', content: 'S' }]), /system/);
  });
}

test('every preset is tested, and aliases lead to one', () => {
  assert.equal(Object.keys(presets).sort(), Object.keys(expected).sort());
  for (const name of presetNames) assert.type(presetTemplate(name), 'string', name);
  assert.is(presetTemplate('platypus'), presetTemplate('alpaca'));
  for (const name of ['nothing', 'constructor', '__proto__']) assert.is(presetTemplate(name), null);
});

test.run();
