/** Templates that try to hang or exhaust the process end in an error, by counting, not by a clock. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { JinjaFailure } from '../../../../src/template/jinja/failure.ts';
import { JinjaTemplate } from '../../../../src/template/jinja/template.ts';
import { fromRow } from '../../../../src/template/jinja/text.ts';
import { RowValues } from '../../../../src/template/jinja/values.ts';

const hostile: Record<string, string> = {
  'nested long loops':
    '{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}',
  'a long range': '{{ range(10 ** 9)|list }}',
  'doubling a string':
    "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
  'doubling a list':
    '{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}{% endfor %}',
  'a repeated string': "{{ 'x' * 10 ** 9 }}",
  'a repeated list': '{{ [0] * 10 ** 9 }}',
  'a repeated repetition': "{{ ('x' * 10 ** 6) * 10 ** 6 }}",
  'a wide format': "{{ '%999999999d' % 1 }}",
  'a wide brace format': "{{ '{:999999999}'.format(1) }}",
  'a wide field': "{{ 'x'.ljust(10 ** 9) }}{{ 'x'|center(10 ** 9) }}",
  'many zeros': "{{ 'x'.zfill(10 ** 9) }}",
  'a wide indent': "{{ 'a\nb'|indent(10 ** 9) }}",
  'a replaced string': "{% set s = 'x' * 10 ** 6 %}{{ s.replace('x', s) }}",
  'a replaced nothing': "{% set s = 'x' * 10 ** 6 %}{{ s.replace('', s) }}",
  'a joined list': "{% set s = 'x' * 10 ** 6 %}{{ ([s] * 10 ** 4)|join(s) }}",
  'endless recursion': '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}',
  'branching recursion':
    '{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}',
  'mutual recursion':
    '{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}',
  'a recursive loop': '{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}',
  'callers of callers':
    '{% macro m() %}{{ caller() }}{{ caller() }}{% endmacro %}{% macro r(n) %}{% if n %}{% call m() %}{{ r(n - 1) }}{% endcall %}{% endif %}{% endmacro %}{{ r(40) }}',
  'a deep expression': `{{ ${'('.repeat(10_000)}1${')'.repeat(10_000)} }}`,
  'deep lists': `{{ ${'['.repeat(10_000)}${']'.repeat(10_000)} }}`,
  'deep signs': `{{ ${'- '.repeat(10_000)}1 }}`,
  'deep negations': `{{ ${'not '.repeat(10_000)}1 }}`,
  'deep conditions': `{{ ${'1 if 1 else '.repeat(10_000)}1 }}`,
  'deep blocks': '{% if 1 %}'.repeat(10_000),
  'deep branches': `{% if 0 %}${'{% elif 0 %}'.repeat(10_000)}{% endif %}`,
  'a value within a value':
    '{% set ns = namespace(l=[]) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}',
  'json within json':
    '{% set ns = namespace(l=[]) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l|tojson }}',
  'equal deep values':
    '{% set ns = namespace(l=[], m=[]) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}{% set ns.m = [ns.m] %}{% endfor %}{{ ns.l == ns.m }}',
  'a shared value printed':
    "{% set ns = namespace(l=['x']) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|string }}",
  'a shared value as JSON':
    "{% set ns = namespace(l=['x']) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|tojson }}",
  'a shared value compared':
    '{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}{% endfor %}{{ ns.l == ns.m }}',
  'a long template': 'x'.repeat(2 ** 18 + 1),
  'a long chain': `{{ 1${' + 1'.repeat(50_000)} }}`,
  'a long chain of filters': `{{ ''${"|replace('', 'xx')".repeat(60)} }}`,
  'JSON of a wide indent': '{{ [[[1]]]|tojson(indent=10 ** 9) }}',
  fillers: "{{ [1]|batch(10 ** 9, 'x')|list }}",
  slices: '{{ [1]|slice(10 ** 9)|list }}',
  'arguments by the million': '{{ dict(*(range(99999)|list * 999)) }}',
  'a sum of lists': '{{ ([[1] * 10000] * 10000)|sum(start=[]) }}',
  'an open comment': `${'{#'.repeat(100_000)}`,
  'open raw blocks': '{% raw %}'.repeat(20_000),
  'a split string':
    "{% set s = 'a' * 10 ** 6 %}{% for i in range(99999) %}{% set x = s.split('a') %}{% endfor %}",
  'searches in a long string':
    "{% set s = 'a' * 10 ** 6 %}{% for i in range(99999) %}{{ 'b' in s }}{{ s.find('b') }}{{ s|length }}{{ s == s ~ '' }}{% endfor %}",
  'reversed strings':
    "{% set s = 'é😀' * 10 ** 5 %}{% for i in range(99999) %}{% set x = s[::-1] %}{{ s[-1] }}{% endfor %}",
  sorts:
    '{% set l = range(99999)|list %}{% for i in range(99999) %}{% set x = l|sort(reverse=true) %}{% endfor %}',
  'searches in a list':
    '{% set l = range(99999)|list %}{% for i in l %}{{ -1 in l }}{{ l.count(1) }}{% endfor %}',
  cases:
    "{% set s = 'ab' * 10 ** 6 %}{% for i in range(99999) %}{% set x = s.upper() %}{% set y = s|title %}{% endfor %}",
};

for (const [name, source] of Object.entries(hostile)) {
  test(name, () => {
    try {
      new JinjaTemplate(source).render(new Map());
    } catch (error) {
      assert.instance(error, JinjaFailure, (error as Error).stack);
      return;
    }
    assert.unreachable('it was rendered');
  });
}

test('the bounds grow with the row: a long conversation is no attack', () => {
  const row = new RowValues();
  const messages = Array.from({ length: 20_000 }, (_, i) => ({
    role: i % 2 ? 'assistant' : 'user',
    content: 'word '.repeat(100),
  }));
  const variables = new Map([['messages', row.convert(messages, 0)]]);
  const source =
    "{% for m in messages %}{% if m.role == 'user' and not loop.last %}<u>{{ m.content|trim }}</u>{% else %}{{ '<a>' + m['content'].strip() + '</a>' }}{% endif %}{% endfor %}";
  const { text } = new JinjaTemplate(source).render(variables, { size: row.size });
  assert.is(text.text.length, 20_000 * (499 + 7));
});

test('nothing of JavaScript can be reached', () => {
  const reaching = [
    "{{ ''.constructor }}",
    "{{ ''['constructor'] }}",
    '{{ {}.__proto__ }}',
    "{{ {}['__proto__'] }}",
    '{{ [].map }}',
    '{{ [].length }}',
    "{{ ''.length }}",
    '{{ {}.hasOwnProperty }}',
    '{{ namespace().constructor }}',
    "{{ ''.toString }}",
    '{{ constructor }}{{ globalThis }}{{ process }}{{ this }}',
    "{{ ''|attr('constructor') }}",
    "{{ ['']|map(attribute='constructor')|first }}",
  ];
  for (const source of reaching) {
    assert.is(new JinjaTemplate(source).render(new Map()).text.text, '', source);
  }
  for (const source of ["{{ ''|constructor }}", "{{ '' is constructor }}", '{{ x.y.z }}']) {
    assert.throws(
      () => new JinjaTemplate(source).render(new Map()),
      (e: Error) => e instanceof JinjaFailure,
    );
  }
});

test('a namespace or dictionary takes keys of JavaScript as any other', () => {
  const source =
    "{% set ns = namespace() %}{% set ns.__proto__ = 1 %}{{ ns.__proto__ }}{{ {'__proto__': 2}['__proto__'] }}";
  assert.is(new JinjaTemplate(source).render(new Map()).text.text, '12');
  assert.is(({} as Record<string, unknown>).x, undefined);
});

test('what the row gave stays marked through every change', () => {
  const source =
    "{{ '<' ~ x ~ '>' }}{{ x.upper() }}{{ x[1:] }}{{ x.split('b')[0] }}{{ x.replace('b', '-') }}{{ x|trim }}{{ [x]|join('/') }}{{ '%s!' % x }}{{ '{}?'.format(x) }}{{ [x] }}{{ {'k': x}|tojson }}";
  const { text } = new JinjaTemplate(source).render(new Map([['x', fromRow('abc', 4)]]));
  const parts: string[] = [];
  for (let i = 0; i < text.marks.length; i += 3) {
    assert.is(text.marks[i + 2], 4);
    parts.push(text.text.slice(text.marks[i], text.marks[i + 1]));
  }
  assert.is(text.text, '<abc>ABCbcaa-cabcabcabc!abc?[\'abc\']{"k": "abc"}');
  assert.equal(parts, ['abc', 'ABCbcaa', 'cabcabcabc', 'abc', "'abc'", '"abc"']);
});

test.run();
