/** Templates whose marks or turns cannot be trusted, and the end of the turn. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Message } from '../../../src/data/message.ts';
import { ChatTemplate } from '../../../src/template/chat.ts';
import { type SegmentOptions, toSegments } from '../../../src/template/segments.ts';
import { failure } from '../data/files.ts';
import { defaults, special, talk } from './conversations.ts';

function trained(source: string, messages: Message[], rules: Partial<SegmentOptions> = {}): string {
  const options = { ...defaults, template: new ChatTemplate(source, special), ...rules };
  const extras = { tools: null, documents: null, variables: {} };
  const place = { file: 'f.jsonl', line: 1 };
  const { text, spans } = toSegments({ shape: 'messages', messages, extras }, options, place);
  return spans
    .map(([start, end, on]) => (on ? `⟦${text.slice(start, end)}⟧` : text.slice(start, end)))
    .join('');
}

const refused = (
  source: string,
  messages: Message[],
  rules: Partial<SegmentOptions> = {},
): string => failure('template', () => trained(source, messages, rules));

const two = talk('u: a', 'a: b', 'u: c', 'a: d');

test('markers around another role’s text', () => {
  const source =
    '{% for m in messages %}{% generation %}{{ m.content }}</s>{% endgeneration %}{% endfor %}';
  assert.match(
    refused(source, two),
    /has text of messages\[0\], whose role is user: put the markers/,
  );
});

test('markers in front of the end of the turn', () => {
  const source =
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}";
  assert.match(
    refused(source, two),
    /the end of the assistant's turn, "<\|im_end\|>", is not trained.*put \{% endgeneration %\} behind it, or say train_on_eos: none/,
  );
  assert.is(
    trained(source, two, { trainOnEos: 'none' }),
    'a<|im_end|>\n⟦b⟧<|im_end|>\nc<|im_end|>\n⟦d⟧<|im_end|>\n',
  );
  const withEos = source.replace('<|im_end|>', '{{ eos_token }}');
  assert.match(refused(withEos, talk('u: a', 'a: b')), /"<\/s>", is not trained/);
});

test('a format whose turns have no end is as it is', () => {
  const source =
    "{% for m in messages %}<|{{ m.role }}|>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}{{ '\\n' }}{% endfor %}";
  assert.is(trained(source, two), '<|user|>a\n<|assistant|>⟦b⟧\n<|user|>c\n<|assistant|>⟦d⟧\n');
});

test('one block for two turns', () => {
  const source =
    '{% generation %}{% for m in messages %}{{ m.content }}</s>{% endfor %}{% endgeneration %}';
  const answers = talk('a: b', 'a: d');
  assert.is(trained(source, answers), '⟦b</s>d</s>⟧');
  const one = [...talk('a: b'), { ...talk('a: d')[0], train: false } as Message];
  assert.match(refused(source, one), /puts messages\[0\] and messages\[1\] into one/);
});

test('blocks without text of a message belong to turns by number', () => {
  const source =
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ '-' if m.content == '' else m.content }}</s>{% endgeneration %}{% endif %}{% endfor %}";
  const messages = [
    ...talk('u: a'),
    { ...talk('a: ')[0], train: false } as Message,
    ...talk('a: b'),
  ];
  assert.is(trained(source, messages), '-</s>⟦b</s>⟧');
  const doubled = source.replace(
    '{% endfor %}',
    '{% endfor %}{% generation %}!{% endgeneration %}',
  );
  assert.match(refused(doubled, messages), /block 1 .* cannot be told/);
});

test('markers in a macro have no place', () => {
  const source =
    '{% macro say(m) %}{% generation %}{{ m.content }}</s>{% endgeneration %}{% endmacro %}{% for m in messages %}{{ say(m) }}{% endfor %}';
  assert.match(refused(source, talk('a: b')), /inside a macro/);
});

test('a turn that repeats what is not trained', () => {
  const source =
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% if m.role == 'assistant' and loop.index > 1 %}({{ loop.previtem.content }}){% endif %}</s>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
  assert.match(
    refused(source, talk('u: a', 'a: b')),
    /text of messages\[0\], which is not trained/,
  );
});

test('a template that closes a turn only when another follows', () => {
  const source =
    '{% for m in messages %}<{{ m.role }}>{{ m.content }}{% if not loop.last %}{{ eos_token }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ eos_token }}<assistant>{% endif %}';
  assert.match(refused(source, two), /"<\/s>", is not trained/);
});

test('a template that prompts with more than history has', () => {
  const source =
    '{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}{% if add_generation_prompt %}<assistant><think>{% endif %}';
  assert.match(refused(source, talk('u: a', 'a: b')), /messages\[0\.\.1\] differently/);
});

test('a turn of another role that needs the next one', () => {
  const source =
    "{% if messages|length % 2 %}{{ raise_exception('pairs only') }}{% endif %}{% for m in messages %}{{ m.content }}</s>{% endfor %}";
  assert.match(
    refused(source, talk('u: a', 'a: b'), { rolesToTrain: ['user'] }),
    /messages\[0\.\.0\] not \(chat template: pairs only\)/,
  );
});

test.run();
