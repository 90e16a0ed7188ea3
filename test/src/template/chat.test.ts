import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Message } from '../../../src/data/message.ts';
import { ChatTemplate } from '../../../src/template/chat.ts';
import { failure } from '../data/files.ts';
import { shared, sharedTest } from '../tokenizer/shared.ts';

const none = { tools: null, documents: null, variables: {} };
const user: Message = { role: 'user', content: 'hi' };

interface Golden {
  templates: Record<string, string>;
  contexts: Record<string, Record<string, unknown>>;
  cases: {
    template: string;
    context: string;
    text?: string;
    error?: string;
    assistant_spans?: [number, number][] | null;
  }[];
}

const goldens = shared('templates', 'goldens.json');

sharedTest('public templates render as in Python', [goldens], () => {
  const golden = JSON.parse(readFileSync(goldens, 'utf8')) as Golden;
  const points = (text: string, end: number): number => [...text.slice(0, end)].length;
  const seen = { rendered: 0, refused: 0, spans: 0 };
  for (const each of golden.cases) {
    const { messages, tools, documents, add_generation_prompt, ...variables } =
      golden.contexts[each.context] ?? {};
    const template = new ChatTemplate(
      golden.templates[each.template] ?? '',
      {},
      () => new Date(2024, 6, 26),
    );
    const extras = { tools, documents, variables } as typeof none;
    const render = (): { text: string; spans: [number, number][] } =>
      template.render(messages as Message[], extras, {
        addGenerationPrompt: add_generation_prompt === true,
      });
    const name = `${each.template} ${each.context}`;
    if (each.error !== undefined) {
      failure('template', render);
      seen.refused++;
      continue;
    }
    const { text, spans } = render();
    assert.is(text, each.text, name);
    const found = spans.map(([start, end]) => [points(text, start), points(text, end)]);
    seen.rendered++;
    assert.equal(found, each.assistant_spans ?? [], name);
    if (each.assistant_spans) seen.spans++;
  }
  assert.equal(seen, { rendered: 106, refused: 14, spans: 14 }, 'all 120 cases');
});

test('special tokens, row variables and what transformers gives', () => {
  const template = new ChatTemplate(
    '{{ bos_token }}|{{ tools is none }}|{{ x }}|{{ add_generation_prompt }}',
    {
      bos_token: '<s>',
    },
  );
  const extras = { ...none, variables: { x: 'y' } };
  assert.is(template.render([user], extras, { addGenerationPrompt: true }).text, '<s>|True|y|True');
});

test('only own properties are seen', () => {
  const template = new ChatTemplate(
    "{{ messages[0].constructor is defined }}{{ messages[0]['__proto__'] is defined }}",
    {},
  );
  assert.is(template.render([user], none).text, 'FalseFalse');
});

test('strip takes the characters it is given', () => {
  const source =
    "{{ ' a\n'.strip('\n') }}|{{ 'xax'.lstrip('x') }}|{{ 'xax'.rstrip('x') }}|{{ ' a '.strip() }}";
  assert.is(new ChatTemplate(source, {}).render([user], none).text, ' a|ax|xa|a');
});

test('dates are English', () => {
  const template = new ChatTemplate(
    "{{ strftime_now('%d %B %Y, %a %j') }}",
    {},
    () => new Date(2024, 1, 29),
  );
  assert.is(template.render([user], none).text, '29 February 2024, Thu 060');
});

test('a refusal is the message of the template', () => {
  const template = new ChatTemplate("{{ raise_exception('no system') }}", {});
  assert.is(
    failure('template', () => template.render([user], none)),
    'chat template: no system',
  );
  assert.match(
    failure('template', () => new ChatTemplate('{% if %}', {})),
    /^chat template: /,
  );
});

test.run();
