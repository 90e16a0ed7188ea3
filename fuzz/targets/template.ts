import { AttuneError } from '../../src/errors.ts';
import { ChatTemplate } from '../../src/template/chat.ts';
import { presetNames, presetTemplate } from '../../src/template/presets.ts';
import { rule, type Target } from '../target.ts';

const messages = [
  { role: 'system', content: 'be <b>' },
  { role: 'user', content: 'é\u{1f600} x' },
  { role: 'assistant', content: ' y ' },
];
const extras = { tools: null, documents: null, variables: { enable_thinking: false } };

/** Sources of chat templates, and what they render. */
export const target: Target = {
  name: 'template',
  seeds: [
    ...[...presetNames].map((name) => presetTemplate(name) ?? ''),
    "{% macro m(x, y=1) %}{{ x ~ y }}{% endmacro %}{{ m('a') }}{{ [1, 2, 3][::-1] | join(',') }}",
    '{% for k, v in messages[0].items() recursive %}{{ loop.index0 }}{{ k|upper }}{% else %}-{% endfor %}',
    "{% set ns = namespace(a=0) %}{% for i in range(3) if i %}{% set ns.a = ns.a + i %}{% endfor %}{{ '%05.2f' % ns.a }}",
    "{%- if tools is defined and tools %}{{ tools | tojson(indent=2) }}{%- endif -%}{{ messages|selectattr('role', 'equalto', 'user')|list|length }}",
  ],
  words: [
    '{{', '}}', '{%', '%}', '{#', '#}', '{%-', '-%}', ' for ', ' in ', ' if ', ' else ', 'endfor',
    'endif', 'set ', 'macro ', 'endmacro', 'messages', 'loop', 'range(9)', "'x'", '|', '|tojson',
    '|trim', '.split()', '.__class__', '[0]', '[::2]', ' ** ', ' // ', ' not ', ' is defined',
    'namespace(', 'raise_exception(', 'strftime_now(', 'generation', 'endgeneration', '(', ')', '\\',
  ], // biome-ignore format: a table
  json: false,
  run(input) {
    const template = new ChatTemplate(Buffer.from(input).toString(), { bos_token: '<s>' });
    const { text, spans } = template.render(messages, extras);
    for (const [start, end] of spans) {
      rule(start >= 0 && start <= end && end <= text.length, `span [${start}, ${end})`);
    }
    rule(!('polluted' in {}), 'a changed prototype');
    return text.length > 0 ? 'text' : 'nothing';
  },
  refuses: (error) => error instanceof AttuneError && error.code === 'template',
};
