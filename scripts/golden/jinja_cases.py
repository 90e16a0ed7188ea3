"""Small template programs for comparing engines: what is combined, and a seeded generator."""

import random

CONTEXT = {
    "messages": [
        {"role": "system", "content": "You are  kind.\n"},
        {"role": "user", "content": "Hi <b> & 'you' \"there\""},
        {"role": "assistant", "content": "Naïve 漢字 😀 é\u0301", "tool_calls": [
            {"type": "function", "function": {"name": "f", "arguments": {"x": 1, "y": [1.5, None, True], "z": {"q": "ß"}}}},
        ]},
    ],
    "tools": [{"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": {
        "type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": ["integer", "null"]}}, "required": ["a"]}}}],
    "s": "Hello World",
    "t": "  a,b,,c \t\n x ",
    "u": "aé漢😀\u2028z\u00a0",
    "w": "one\ntwo\r\n\nthree",
    "e": "",
    "n": 7,
    "m": -3,
    "z": 0,
    "big": 9007199254740991,
    "f": 2.5,
    "g": -0.1,
    "tiny": 1e-7,
    "yes": True,
    "no": False,
    "nil": None,
    "l": [3, 1, 2],
    "ls": ["b", "A", "c", "a"],
    "le": [],
    "nested": [[1, [2, "x"]], {"k": [None, False]}],
    "objs": [{"n": "b", "v": 2}, {"n": "A", "v": 1}, {"n": "c", "v": None}, {"v": 3}],
    "d": {"b": 1, "a": "x", "C": [1, 2], "items": "shadow", "n": None},
    "de": {},
}

NAMES = ["s", "t", "u", "w", "e", "n", "m", "z", "big", "f", "g", "tiny", "yes", "no", "nil", "l", "ls",
         "le", "nested", "objs", "d", "de", "missing", "messages", "tools"]
LITERALS = ["'x'", "\"it's\"", "'a\\n\\tb\\x41\\u00e9\\q\\101'", "1", "0", "-1", "1.0", "1e3", "1_000", "0x1f", "2.50", "1.5e16",
            "true", "False", "none", "None", "[]", "[1, 'a', none]", "()", "(1,)", "(1, 2)", "{}", "{'k': 1, 2: 'v'}",
            "'%s-%d' % ('a', 3)", "range(4)", "range(5, 0, -2)", "namespace(a=1)", "dict(a=1)"]
BINARY = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
FILTERS = ["abs", "batch(2)|list", "batch(2, 'x')|list", "capitalize", "center(9)", "count", "d('dflt')", "default('z', true)",
           "dictsort", "dictsort(by='value')", "dictsort(reverse=true)", "e", "escape", "first", "float", "float(1)",
           "forceescape", "format(1)", "groupby('v')", "indent", "indent(2, true)", "indent('> ', blank=true)", "int", "int(5)",
           "items|list", "join", "join(', ')", "join(', ', attribute='n')", "last", "length", "list", "lower", "map('upper')|list",
           "map(attribute='n')|list", "map(attribute='n', default='?')|list", "map('default', 'q')|join('-')", "max", "min",
           "max(attribute='v')", "reject|list", "reject('none')|list", "rejectattr('v')|list", "rejectattr('v', 'none')|list",
           "replace('a', 'bb')", "replace('l', '')", "replace('', '.')", "replace('l', 'L', 1)", "reverse", "reverse|list",
           "round", "round(1)", "round(1, 'ceil')", "round(2, 'floor')|float", "safe", "select|list", "select('string')|list",
           "select('in', [1, 2])|list", "selectattr('n')|list", "selectattr('n', 'defined')|list", "selectattr('n', 'equalto', 'b')|list",
           "selectattr('v', 'gt', 1)|list", "slice(2)|list", "slice(2, 'f')|list", "sort", "sort(reverse=true)", "sort(attribute='n')",
           "sort(case_sensitive=true)", "sort(attribute='v,n')", "string", "sum", "sum(attribute='v')", "sum(start=10)", "title", "tojson",
           "tojson(indent=2)", "tojson(sort_keys=true)", "tojson(ensure_ascii=true)", "tojson(separators=(',', ':'))", "trim", "trim('H ')",
           "truncate(5)", "truncate(5, true)", "truncate(6, false, '..', 0)", "unique|list", "unique(true)|list", "upper", "wordcount",
           "attr('n')", "map('length')|list", "map('int')|list", "map('string')|list", "map('tojson')|list", "nosuch"]
TESTS = ["boolean", "callable", "defined", "divisibleby 3", "divisibleby(2)", "eq 1", "equalto 'x'", "escaped", "even", "false", "float",
         "ge 2", "gt 0", "in [1, 2, 'x']", "in s", "integer", "iterable", "le 1", "lower", "lt 3", "mapping", "ne 0", "none", "number",
         "odd", "sameas none", "sameas true", "sequence", "string", "true", "undefined", "upper", "nosuch"]
METHODS = [".upper()", ".lower()", ".title()", ".capitalize()", ".strip()", ".strip('H d')", ".lstrip()", ".rstrip('\\n x')",
           ".split()", ".split(',')", ".split(',', 1)", ".split(none, 1)", ".rsplit(None, 1)", ".rsplit(',', 1)", ".split(maxsplit=1)",
           ".splitlines()", ".splitlines(true)", ".startswith('H')", ".startswith(('x', 'He'))", ".endswith('d')", ".endswith('', 2)",
           ".replace('l', 'L')", ".replace('l', 'L', 1)", ".replace('', '-')", ".find('o')", ".find('o', 5)", ".rfind('o')", ".index('W')",
           ".rindex('o')", ".count('l')", ".count('')", ".join(['a', 'b'])", ".join(ls)", ".partition(',')", ".rpartition(',')",
           ".removeprefix('Hello')", ".removesuffix('d')", ".zfill(15)", ".ljust(14, '.')", ".rjust(14)", ".center(14, '*')", ".center(15)",
           ".format(1, a=2)", ".isdigit()", ".isalpha()", ".isalnum()", ".isspace()", ".isupper()", ".islower()", ".isdecimal()",
           ".isascii()", ".isnumeric()", ".items()", ".keys()", ".values()", ".items()|list", ".keys()|list", ".values()|list", ".get('a')",
           ".get('zz', 5)", ".get('n', 5)", ".copy()", ".index(1)", ".count(1)", ".append(1)", ".pop()", ".update({})", ".sort()", ".a", ".b",
           ".items", ".n", ".missing", ".missing.deeper", ".__class__", "._x", "['a']", "['b']", "['__class__']", "['items']", "[0]", "[-1]",
           "[99]", "[none]", "[:2]", "[1:]", "[::-1]", "[-2:]", "[5:1:-1]", "[::2]", "[1:99]", "[:-1]", ".0", "['upper']()", "[0].role",
           "[0]['content']", "[1:][0].content", ".casefold()", ".swapcase()", ".encode()", ".constructor", ".length", ".__proto__", ".toString"]

FIXED = [
    # white space
    "a\n{% if true %}\nb\n{% endif %}\nc\n", "  {% if true %}  x  {% endif %}  \n  y", "\t{%- if true -%}\n x \n{%- endif -%}\n z",
    " {%+ if true %}a{% endif +%}\nb", "{{ 1 }}\n{{ 2 -}}\n\n {{- 3 }}", "a {# c #}\nb", "a\n  {#- c -#}  \nb", "a\n  {#+ c +#}\nb",
    "{% raw %}{{ x }} {% y %}{% endraw %}z", " {%- raw -%} {{ x }} {%- endraw -%} z", "  {% raw %}\n a{% endraw %}\n b",
    "x\r\ny\rz{{ 'a\r\nb' }}\r\n", "{{ '-}\n' }}{{ '%}\n' }}{{ '{%' }}", "a\n   {-x\n b", "{\n- }\n{#\n#}\nx", "x\n\n", "x\n \n", "\n", "",
    "a\u00a0\n\u00a0 {% if true %}b{% endif %}", "a\u2028   {% if true %}b{% endif %}", "a\ufeff{%- if true %}b{% endif %}",
    "a\x0b\x0c {%- set x = 1 -%} \x1cb\x85", "{%- set x = 1 %}\n{%- set y = 2 %}\n{{ x + y }}", "{{ {'a': {'b': 1}} }}",
    "{{ {'a': {'b': 1}}['a']['b'] }}", "{{'}}'}}", "{{ '}}' ~ \"{{\" }}", "{% set x = '%}' %}{{ x }}", "{{\n 1\n}}\n", "{%\nset x = 1\n%}\n{{x}}",
    # scoping
    "{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = i + 10 %}{{ x }}{% endfor %}{{ x }}",
    "{% for i in [1, 2] %}{{ late }}{% endfor %}{% set late = 1 %}{{ late }}", "{{ s }}{% set s = 2 %}{{ s }}",
    "{% for i in l %}{{ s }}{% endfor %}{% set s = 'x' %}{{ s }}", "{% if false %}{% set s = 1 %}{% endif %}{{ s }}",
    "{% if true %}{% set q = 1 %}{% else %}{% set q = 2 %}{% endif %}{{ q }}", "{% macro m() %}{{ s }}{% endmacro %}{% set s = 5 %}{{ m() }}",
    "{% macro m() %}{{ s }}{% endmacro %}{{ m() }}{% set s = 5 %}{{ m() }}", "{% set x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}",
    "{% for i in l %}{% if loop.first %}{% set q = i %}{% endif %}{{ q }}{% endfor %}", "{% for i in l %}{% if no %}{% set s = i %}{% endif %}{{ s }}{% endfor %}",
    "{% set ns = namespace(c=0) %}{% for i in l %}{% set ns.c = ns.c + i %}{% endfor %}{{ ns.c }}", "{% set ns = namespace() %}{{ ns.x }}|{% set ns.x = 1 %}{{ ns['x'] }}",
    "{% set d.x = 1 %}", "{% set ns = namespace(d, q=1) %}{{ ns.a }}{{ ns.q }}", "{% set ns = namespace([('a', 1)]) %}{{ ns.a }}",
    "{% set x %}a{{ n }}{% endset %}{{ x }}|{{ x is string }}", "{% set x | upper | replace('A', 'b') %}a{{ n }}{% endset %}{{ x }}",
    "{% set x %}{% set y = 1 %}{{ y }}{% endset %}{{ x }}{{ y }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a, b = 'xy' %}{{ a }}{{ b }}", "{% set a, b = [1] %}",
    "{% set (a, b) = (1, 2) %}{{ a }}{{ b }}", "{% set x = 1, %}{{ x }}", "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a }}",
    "{% with %}{% set s = 1 %}{{ s }}{% endwith %}{{ s }}", "{% with s = 1 %}{% with t = s %}{{ t }}{% endwith %}{% endwith %}",
    "{% filter upper %}a{{ s }}{% endfilter %}", "{% filter replace('a', 'b') | upper %}aa{% endfilter %}", "{% filter indent(2) %}a\nb{% endfilter %}",
    # loops
    "{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}",
    "{% for i in l %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }};{% endfor %}", "{% for i in l %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for i in [1, 1, 2] %}{{ loop.changed(i) }}{% endfor %}", "{% for i in le %}x{% else %}none{% endfor %}", "{% for i in missing %}x{% else %}none{% endfor %}",
    "{% for i in nil %}x{% endfor %}", "{% for i in n %}x{% endfor %}", "{% for c in 'a😀b' %}[{{ c }}]{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k, v in d|items %}{{ k }}={{ v }};{% endfor %}", "{% for k, v in d|dictsort %}{{ k }}={{ v }};{% endfor %}",
    "{% for i in l if i > 1 %}{{ i }}{{ loop.index }}/{{ loop.length }}{% endfor %}", "{% for i in l if i > 9 %}x{% else %}none{% endfor %}",
    "{% for i in range(10) %}{% if i == 3 %}{% break %}{% endif %}{% if i % 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in [[1, [2]], [3, []]] recursive %}{{ i[0] }}{% if i[1] %}({{ loop(i[1:]) }}){% endif %}{% endfor %}",
    "{% for i in [{'c': [{'c': []}]}] recursive %}<{{ loop.depth }}{{ loop(i.c) }}>{% endfor %}", "{% for a, b in [[1, 2], [3, 4]] %}{{ a }}{{ b }}{% endfor %}",
    "{% for a, (b, c) in [[1, [2, 3]]] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for a, b in [[1]] %}{% endfor %}", "{% for i in 1, 2 %}{{ i }}{% endfor %}",
    "{% for i in l %}{% for j in l %}{{ loop.index }}{{ i }}{% endfor %}{{ loop.index }}{% endfor %}", "{% for i in l %}{% set loop = 1 %}{% endfor %}",
    "{% for m in messages[::-1] %}{{ m.role }}{% endfor %}", "{% for m in messages|reverse %}{{ m.role }}{% endfor %}", "{{ loop }}", "{% break %}",
    "{% for i in l %}{{ loop }}{% endfor %}", "{% for i in l %}{{ loop.nosuch }}{% endfor %}", "{% for i in l|map('string') %}{{ i }}{{ loop.last }}{% endfor %}",
    # macros
    "{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }}|{{ m(1, 3) }}|{{ m(1, c=5) }}|{{ m() }}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}", "{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}",
    "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}in{% endcall %}", "{% macro m(x) %}<{{ caller(x) }}>{% endmacro %}{% call(y) m(3) %}{{ y }}{% endcall %}",
    "{% macro m() %}x{% endmacro %}{% call m() %}in{% endcall %}", "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}", "{% macro m(n) %}{{ n }}{% if n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(5) }}",
    "{% macro m() %}  a {% endmacro %}{{ m()|trim }}{{ m() ~ 'b' }}{{ m().strip() }}", "{{ m.name }}{% macro m(a) %}{% endmacro %}", "{% macro m(a) %}{% endmacro %}{{ m.name }}{{ m.arguments }}",
    "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}b{% endmacro %}{{ a() }}", "{% if true %}{% macro m() %}x{% endmacro %}{% endif %}{{ m() }}", "{% macro m(a, a) %}{% endmacro %}",
    # expressions
    "{{ 1 + 2 ~ 3 }}", "{{ 'a' ~ 1 + 2 }}", "{{ 2 ** 3 ** 2 }}", "{{ -2 ** 2 }}", "{{ 2 ** -1 }}", "{{ 1 < 2 < 3 }}", "{{ 3 > 2 > 2 }}", "{{ 1 == 1 != 2 }}", "{{ not 1 == 2 }}",
    "{{ not true and false }}", "{{ 1 if 0 else 2 }}", "{{ 1 if 0 }}", "{{ (1 if 0) is defined }}", "{{ 'a' if n else 'b' if m else 'c' }}", "{{ n and m or z }}", "{{ e or 'x' }}",
    "{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % -3 }} {{ -7 % 3 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 7 / 2 }} {{ 4 / 2 }}", "{{ 1 / 0 }}", "{{ 1 % 0 }}", "{{ 0.1 + 0.2 }} {{ 1e16 }} {{ 1e15 }} {{ 1e-5 }} {{ 0.0001 }} {{ 1.0 }} {{ 100000000000000000000.0 }}",
    "{{ true + 1 }} {{ true * 'a' }} {{ 'ab' * 2 }} {{ [1] * 2 }} {{ (1,) + (2,) }} {{ [1] + [2] }}", "{{ [1] + (2,) }}", "{{ 'a' + 1 }}", "{{ 1 + nil }}", "{{ missing + 1 }}", "{{ 'a' ~ missing ~ nil ~ true ~ 1.0 }}",
    "{{ 'a' in 'abc' }} {{ 1 in [1] }} {{ 1 in 'abc' }}", "{{ 'k' in {'k': 1} }} {{ 'x' in missing }} {{ missing in [1] }}", "{{ 1 in 5 }}", "{{ missing == nil }} {{ missing == missing }} {{ nil == false }} {{ 1 == 1.0 }} {{ 1 == true }} {{ '1' == 1 }}",
    "{{ 'a' < 'b' }} {{ 'é' > 'z' }} {{ '😀' > '\ufffd' }} {{ [1, 2] < [1, 3] }} {{ 1 < 1.5 }}", "{{ 'a' < 1 }}", "{{ nil < 1 }}", "{{ missing < 1 }}", "{{ {'a': 1} == {'a': 1.0} }} {{ [1, [2]] == [1, [2]] }} {{ (1,) == [1] }}",
    "{{ [1, 'a', \"b'c\", none, true, 1.0, {'x': ()}, missing] }}", "{{ {1: 'a', 'b': {2.5: none}, none: 1, true: 2} }}", "{{ ('\\n\\t\\\\\\x00\\x7f\\u200b\\u2028é😀' , 1) }}", "{{ \"a'b\\\"c\" }} {{ [\"a'b\\\"c\", \"a'b\", 'a\"b'] }}",
    "{{ d.items() }} {{ d.keys() }} {{ d.values() }}", "{{ range(3) }} {{ range(3)[1] }} {{ range(3)|list }} {{ range(9)[2:5] }} {{ range(0) | length }}", "{{ range(1000000) }}", "{{ range(1, 2, 0) }}", "{{ s.upper }}", "{{ namespace }}", "{{ l|map('string') }}",
    "{{ ' %s %r %d %5.2f %x %% %-5s| %05d' % ('a', 'b', 3, 2.345, 255, 'l', 42) }}", "{{ '%(a)s' % {'a': 1} }}", "{{ '%s' % 1 }}", "{{ '%s %s' % (1,) }}", "{{ '%s' % (1, 2) }}", "{{ '%d' % 'x' }}", "{{ '%.1f' % 0.25 }} {{ '%.0f' % 2.5 }} {{ '%5s|%-5s|' % ('é', '😀') }}",
    "{{ '{} {}'.format(1, 'a') }} {{ '{0}{1}{0}'.format('a', 'b') }} {{ '{x}'.format(x=1) }} {{ '{{}}'.format() }} {{ '{:>5}|{:<5}|{:^5}|{:05d}|{:.2f}|{:,}'.format('a', 'b', 'c', 42, 3.14159, 1234567) }}", "{{ '{!r}'.format('a') }} {{ '{:d}'.format(3) }} {{ '{:5}'.format(3) }} {{ '{:5}'.format('a') }}", "{{ '{}'.format() }}", "{{ '{0}{}'.format(1) }}",
    "{{ s[0] }}{{ s[-1] }}{{ s[1:3] }}{{ s[::-1] }}{{ s[99] }}{{ u[3] }}{{ u[2:4] }}{{ u[::-1] }}{{ u|length }}", "{{ l[5:1:-1] }} {{ l[::0] }}", "{{ d['a'] }}{{ d.a }}{{ d['zz'] }}{{ d.items is callable }}{{ d['items'] }}", "{{ l.0 }}{{ nested.0.1.1 }}{{ nested[1].k }}", "{{ messages[0]['role'] }}{{ messages[-1].tool_calls[0].function.arguments }}",
    "{{ tools|tojson }}", "{{ tools|tojson(indent=4) }}", "{{ tools[0]|tojson(indent=2, sort_keys=true) }}", "{{ {'a': [], 'b': {}, 'c': ()}|tojson(indent=2) }}", "{{ 'é😀\\u2028\\x7f\\x01\"\\\\/<>&\\''|tojson }}", "{{ 'é😀\\x7f'|tojson(ensure_ascii=true) }}", "{{ [1.0, 1e20, 1e-7, 0.1, -0.0, true, none]|tojson }}", "{{ missing|tojson }}", "{{ {1: 2, none: 3, true: 4, 2.5: 5}|tojson }}", "{{ l|map('string')|tojson }}", "{{ messages|tojson(indent='\t') }}",
    "{{ 42|round }} {{ 2.5|round }} {{ 3.5|round }} {{ 2.675|round(2) }} {{ 42.55|round(1, 'floor') }} {{ 1.25|round(1) }} {{ 1234.5|round(0) }} {{ 0.5|round|int }}", "{{ '42'|int }} {{ ' 42 '|int }} {{ '42.9'|int }} {{ 'x'|int }} {{ 'x'|int(7) }} {{ 3.99|int }} {{ -3.99|int }} {{ true|int }} {{ nil|int }} {{ '1_000'|int }} {{ '1e3'|int }}", "{{ '1.5'|float }} {{ 'x'|float }} {{ '1e3'|float }} {{ 'inf'|float }} {{ nil|float }}", "{{ missing|int }}", "{{ '0x1f'|int(0, 16) }}",
    "{{ 'hello world-foo (bar) [x] o\\'neil 3d'|title }} {{ 'hello world-foo o\\'neil 3d'.title() }} {{ 'ßx ŉ'.upper() }} {{ 'ΑΣ ΑΣΑ'.lower() }} {{ 'éCOLE ǆ'|capitalize }}", "{{ 'ǆ'.title() }}", "{{ 'İ'.lower()|length }}", "{{ 'hello'|capitalize }} {{ 'HELLO wORLD'.capitalize() }}",
    "{{ raise_exception('stop') }}", "{{ raise_exception('a' ~ 1) }}", "{{ strftime_now('%Y') is string }}", "{{ missing.x }}", "{{ missing() }}", "{{ s() }}", "{{ nil.x }}", "{{ nil['x'] is undefined }}", "{{ missing is defined }} {{ missing is none }} {{ missing|length }} {{ missing|list }} {{ missing|string }} {{ missing|default('d') }} {{ missing|join }} {{ missing|first }} {{ missing|upper }}",
    "{{ x is defined and x }}", "{{ (missing or 'y') }}", "{{ missing if missing else 'n' }}", "{{ d.get('a').upper() }}", "{{ none.upper() }}", "{{ [] is sequence }} {{ {} is sequence }} {{ 's' is sequence }} {{ 1 is sequence }} {{ {} is mapping }} {{ {} is iterable }} {{ 1 is iterable }} {{ () is iterable }}", "{{ true is number }} {{ 1 is integer }} {{ true is integer }} {{ 1.0 is float }} {{ 1.0 is integer }} {{ 'a' is string }} {{ true is boolean }} {{ 1 is true }}",
    "{{ 5 is divisibleby 5 }} {{ 5 is not divisibleby(2) }} {{ 'a' is in ['a'] }} {{ 'a' is not in 'b' }} {{ 1 is eq(1) }} {{ none is sameas none }} {{ 3 is odd }} {{ 2 is even and true }}", "{{ 1 is string is string }}", "{{ (1 is string) is boolean }}", "{{ 'a' is string|upper }}", "{{ n is defined|string }}", "{{ x is x }}",
    "{{ 'a' 'b' \"c\" }}", "{{ [1, 2,] }} {{ {'a': 1,} }} {{ (1, 2,) }} {{ m.n(1,) }}", "{{ [1 2] }}", "{{ f(a b) }}", "{{ 1, 2 }}", "{{ }}", "{{ a.b.1 }}", "{{ 1.5.real }}", "{{ 'x'.upper }}", "{{ l|nosuch }}", "{{ l|first|string|int + 1 }}", "{% if no %}{{ l|nosuch }}{% endif %}ok", "{{ (l|nosuch) if no else 1 }}", "{% if no %}{% for i in l %}{{ i|nosuch }}{% endfor %}{% endif %}ok",
    "{{ true }} {{ True }} {{ false }} {{ none }} {{ None }} {{ nil }}", "{% set true = 1 %}", "{% for none in l %}{% endfor %}", "{{ TRUE }}{{ null }}{{ undefined is defined }}", "{% if l %}a{% elif d %}b{% else %}c{% endif %}", "{% if e %}a{% elif le %}b{% elif de %}c{% elif z %}d{% else %}f{% endif %}", "{% if (n > 5) and not (m > 0 or nil) %}y{% endif %}",
    "{% if x = 1 %}{% endif %}", "{% if n %}", "{% endif %}", "{% for i l %}{% endfor %}", "{{ 1 + }}", "{{ (1 }}", "{{ [1) }}", "{{ 'a }}", "{% nosuch %}", "{# open", "{% raw %}", "{{ a.'b' }}", "{{ 1a }}", "{{ 00 }} {{ 0 }}", "{{ 07 }}", "{{ 0b11 }} {{ 0o17 }} {{ 0XFF }} {{ 1E3 }} {{ 1.5e-3 }}", "{{ .5 }}", "{{ 1. }}", "{{ a; b }}", "{{ a ! b }}", "{{ a ? b : c }}", "{% print 1, 'a' %}", "{% do 1 %}", "{% block b %}x{% endblock %}", "{% include 'x' %}", "{% extends 'x' %}", "{% autoescape true %}{{ '<' }}{% endautoescape %}",
    "{{ 9007199254740993 }}", "{{ big + 1 }}", "{{ big * big }}", "{{ 10 ** 20 }}", "{{ 10 ** 15 }}", "{{ 2 ** 0.5 }}", "{{ (-8) ** 0.5 }}", "{{ 0 ** -1 }}", "{{ 1e308 * 10 }} {{ -1e308 * 10 }} {{ 1e308 * 10 - 1e308 * 10 }}",
    "{{ l|sort|join }} {{ ls|sort|join }} {{ ls|sort(case_sensitive=true)|join }} {{ ls|sort(reverse=true)|join }} {{ ls|unique|join }} {{ ls|min }}{{ ls|max }} {{ l|sum }} {{ l|min }} {{ le|max }}", "{{ [1, 'a']|sort }}", "{{ [none, 1]|sort }}", "{{ ['😀', '\uffff', 'z']|sort|join }}", "{{ objs|map(attribute='n')|list }}", "{{ objs|selectattr('n', 'defined')|map(attribute='v')|list }}", "{{ objs|groupby('v')|length }}", "{% for g in [{'k': 'a', 'v': 1}, {'k': 'B', 'v': 2}, {'k': 'A', 'v': 3}]|groupby('k') %}{{ g.grouper }}:{{ g.list|length }}:{{ g[0] }} {% endfor %}", "{{ [{'k': 1}]|groupby('k') }}",
    "{% set g = l|select('gt', 1) %}{{ g|list }}{{ g|list }}", "{% set g = l|map('string') %}{{ g|first }}{{ g|list }}", "{{ (l|map('string'))[0] is undefined }}", "{{ (l|select)|length }}", "{{ (l|reverse)|length }}", "{{ l|reverse|first }}{{ l|last }}{{ s|first }}{{ s|last }}{{ d|first }}{{ d|last }}", "{{ l|reverse }}", "{{ s|reverse }}{{ u|reverse }}", "{{ (l|select) is iterable }} {{ (l|select) is sequence }}", "{% if l|select('gt', 9) %}truthy{% endif %}",
    "{{ '<a>'|safe }} {{ '<a>'|e }} {{ ('<a>'|e) is escaped }} {{ '<a>'|escape|string }}", "{{ ('<a>'|safe) ~ '<b>' }}", "{{ '<a>'|e|upper }}", "{{ '<a>'|safe|length }}", "{{ ('a'|safe) == 'a' }}", "{{ [('a'|safe)] }}", "{{ 'a'|safe|tojson }}", "{{ 'a b'|urlencode }}", "{{ 'a'|pprint }}", "{{ l|random }}", "{{ lipsum() }}", "{{ cycler(1, 2).next() }}", "{{ joiner(',')() }}", "{{ s|striptags }}", "{{ s|wordwrap(4) }}", "{{ 1000000|filesizeformat }}", "{{ {'a': 1}|xmlattr }}",
    "{{ dict(a=1, b=2) }} {{ dict([('x', 1)]) }} {{ dict(d, z=1)|length }}", "{{ dict(a=1).a }}", "{{ d|length }} {{ de|length }} {{ nil|length }}", "{{ namespace(a=1).a }}", "{{ namespace(a=1) is mapping }}", "{{ [*l] }}", "{{ m(*[1], **{'a': 2}) }}", "{{ range(*[1, 4])|list }} {{ dict(**{'a': 1}) }}", "{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*[1], **{'b': 2}) }}",
    # generation
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}!{% endgeneration %}{% else %}{{ m.content }}{% endif %}\n{% endfor %}", "a\n  {% generation %}\n b\n  {% endgeneration %}\nc", "a {%- generation -%} b {%- endgeneration -%} c",
    "{% set x = 1 %}{% generation %}{% set x = 2 %}{{ x }}{% endgeneration %}{{ x }}", "{% for i in l %}{% generation %}{{ loop.index }}{{ i }}{% endgeneration %}{% endfor %}", "{% for i in l %}{% generation %}{% break %}{% endgeneration %}{% endfor %}", "{% generation %}{% endgeneration %}", "{% generation %}a",
]


def expression(rng: random.Random, depth: int = 0) -> str:
    """A random expression."""
    pick = rng.random()
    if depth >= 3 or pick < 0.2:
        return rng.choice(NAMES) if rng.random() < 0.7 else rng.choice(LITERALS)
    inner = lambda: expression(rng, depth + 1)
    if pick < 0.40:
        return f"{_atom(inner())}|{rng.choice(FILTERS)}"
    if pick < 0.60:
        return f"{_atom(inner())}{rng.choice(METHODS)}"
    if pick < 0.75:
        return f"{inner()} {rng.choice(BINARY)} {inner()}"
    if pick < 0.85:
        return f"{_atom(inner())} is {rng.choice(['', 'not '])}{rng.choice(TESTS)}"
    if pick < 0.90:
        return f"{inner()} if {inner()} else {inner()}"
    if pick < 0.94:
        return rng.choice(["not ", "-", "+"]) + _atom(inner())
    return rng.choice([f"[{inner()}, {inner()}]", f"({inner()}, {inner()})", "{'k': " + inner() + "}"])


def _atom(text: str) -> str:
    return text if text.isidentifier() else f"({text})"


def statement(rng: random.Random, depth: int = 0) -> str:
    """A random piece of template."""
    inner = lambda: statement(rng, depth + 1) if depth < 2 else "{{ " + expression(rng, 1) + " }}"
    space = lambda: rng.choice(["", "", "", " ", "\n", "  \n ", "\n\n", "x\n  "])
    dash = lambda: rng.choice(["", "", "-", "+"])
    end = lambda: rng.choice(["", "", "-"])
    kind = rng.randrange(9)
    name = rng.choice(["a", "b", "s", "n", "q"])
    if kind == 0:
        return f"{space()}{{%{dash()} if {expression(rng, 1)} {end()}%}}{space()}{inner()}{{%{dash()} else {end()}%}}{inner()}{{% endif {end()}%}}{space()}"
    if kind == 1:
        target, over = rng.choice([("x", "l"), ("x", "ls"), ("x", "messages"), ("k, v", "d.items()"), ("x", "range(3)"), ("x", expression(rng, 2))])
        body = rng.choice(["{{ loop.index }}", "{{ x }}", "{% if loop.last %}{% break %}{% endif %}", "{% set n = loop.index %}{{ n }}"])
        return f"{space()}{{%{dash()} for {target} in {over} {end()}%}}{space()}{body}{inner()}{{%{dash()} endfor {end()}%}}{space()}"
    if kind == 2:
        return f"{{%{dash()} set {name} = {expression(rng, 1)} {end()}%}}{space()}{{{{ {name} }}}}{inner()}{{{{ {name} }}}}"
    if kind == 3:
        return f"{{% set {name} {end()}%}}{space()}{inner()}{{%{dash()} endset %}}{{{{ {name} }}}}"
    if kind == 4:
        return f"{{% macro mm(p, q={expression(rng, 2)}) %}}{space()}{{{{ p }}}}{inner()}{{% endmacro %}}{{{{ mm({expression(rng, 2)}) }}}}"
    if kind == 5:
        return f"{space()}{{#{dash()} note {end()}#}}{space()}{inner()}"
    return f"{space()}{{{{{rng.choice(['', '-'])} {expression(rng)} {end()}}}}}{space()}"


def programs(count: int, seed: int) -> list[str]:
    """The fixed programs, every filter, test, method and operator on values, and `count` random ones."""
    rng = random.Random(seed)
    made = list(FIXED)
    for value in NAMES:
        made += [f"{{{{ {value} }}}}"]
        made += [f"{{{{ {value}|{name} }}}}" for name in FILTERS]
        made += [f"{{{{ {value} is {name} }}}}" for name in TESTS]
        made += [f"{{{{ {value}{name} }}}}" for name in METHODS]
    for left in NAMES + LITERALS:
        made += [f"{{{{ {left} {op} {right} }}}}" for op in BINARY for right in rng.sample(NAMES + LITERALS, 6)]
    made += [statement(rng) for _ in range(count)]
    return list(dict.fromkeys(made))
