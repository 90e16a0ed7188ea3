import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseJson } from '../../../src/data/json.ts';
import { examine, JsonProblem } from '../../../src/data/scan.ts';

function refusal(text: string): [number, string] {
  try {
    parseJson(text);
  } catch (error) {
    assert.instance(error, JsonProblem, String((error as Error).stack));
    return [(error as JsonProblem).offset, (error as JsonProblem).message];
  }
  return assert.unreachable(text) as never;
}

test('what JSON.parse takes is taken as it takes it', () => {
  const texts = [
    '{}',
    ' [ ] ',
    '{"a" : 1, "b"\n:\t{"a":[{"a":2},{"a":3}]}}',
    '{"a":"b\\":c","d\\\\":"\\\\\\":","e":":"}',
    '{"":1," ":2,"constructor":3,"toString":4}',
    '"\\ud83d\\ude00\\u00e9"',
    '-0.5e+3',
    'null',
    '{"1":1,"01":2}',
    `${'['.repeat(100)}${']'.repeat(100)}`,
  ];
  for (const text of texts) {
    assert.equal(parseJson(text), JSON.parse(text));
    assert.is(examine(text, 100), null, text);
  }
});

test('a key given twice, at any depth and however it is spelled', () => {
  assert.equal(refusal('{"a":1,"a":2}'), [7, 'the key "a" is given twice in one object']);
  assert.equal(refusal('[{"x":{"b":1,"\\u0062" :1}}]')[0], 13);
  assert.equal(refusal('{"a":{"q":1},"c":"a","a":0}')[0], 21);
  assert.match(refusal('{"\\"":1,"\\u0022":2}')[1], /"\\"" is given twice/);
  assert.match(refusal('{"" :1,"":2}')[1], /"" is given twice/);
});

test('a key that reaches the prototype', () => {
  assert.equal(refusal('{"a":[{"__proto__":{"text":1}}]}'), [
    7,
    'the key "__proto__" is not allowed',
  ]);
  assert.match(refusal('{"__proto\\u005f_":1}')[1], /not allowed/);
  assert.is(({} as { text?: unknown }).text, undefined);
});

test('depth bombs', () => {
  for (const depth of [101, 1000, 1_000_000]) {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const text = `${open.repeat(depth)}1${close.repeat(depth)}`;
      assert.equal(refusal(text), [100 * open.length, 'nested more than 100 levels deep']);
      assert.match(refusal(open.repeat(depth))[1], /nested more than 100 levels|ends too early/);
    }
  }
});

test('characters that are none', () => {
  assert.match(refusal('{"a":"\\ud800"}')[1], /half of a surrogate pair/);
  assert.match(refusal('{"a":["\\udc00\\ud800"]}')[1], /half of a surrogate pair/);
  assert.match(refusal('{"\\ud800":1}')[1], /half of a surrogate pair/);
  assert.equal(refusal('{"a":"x","b":"\\u0000"}'), [13, 'a zero character (U+0000) in a string']);
  assert.match(refusal('{"a":"\0"}')[1], /bare control character U\+0000/);
});

test('text that is not JSON: the place and what is wrong there', () => {
  const cases: [string, number, RegExp][] = [
    ['', 0, /ends too early/],
    ['{', 1, /ends too early/],
    ['{"a":1,}', 7, /unexpected "}"/],
    ['[1,]', 3, /unexpected "]"/],
    ['[1 2]', 3, /unexpected "2"/],
    ['{"a" 1}', 5, /unexpected "1"/],
    ['{a:1}', 1, /unexpected "a"/],
    ["{'a':1}", 1, /unexpected "'"/],
    ['[01]', 2, /unexpected "1"/],
    ['[1.]', 2, /unexpected "."/],
    ['[NaN]', 1, /unexpected "N"/],
    ['[Infinity]', 1, /unexpected "I"/],
    ['{}{}', 2, /unexpected "{"/],
    ['[1}', 2, /unexpected "}"/],
    ['"a', 0, /a string is not closed/],
    ['"\\x"', 1, /a bad escape/],
    ['"\\u12g4"', 1, /a bad escape/],
    ['"a\nb"', 2, /U\+000a .*write \\n/],
    ['\ufeff{}', 0, /unexpected "\ufeff"/],
    ['[tru]', 1, /unexpected "t"/],
  ];
  for (const [text, offset, message] of cases) {
    assert.throws(() => JSON.parse(text), undefined, text);
    const [at, found] = refusal(text);
    assert.match(found, message, text);
    assert.is(at, offset, text);
  }
});

/** A stream of numbers in [0, n). */
function random(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

test('on any text the slow scan and JSON.parse agree about what is JSON', () => {
  const pick = random(5);
  const parts = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '"a"',
    '"b"',
    '\\',
    '\\"',
    '1',
    '-',
    '.',
    'e',
    'true',
    ' ',
    '\n',
    '\u00e9',
    '"a":',
  ];
  let valid = 0;
  for (let i = 0; i < 60_000; i++) {
    let text = '';
    for (let n = pick(9) + 1; n > 0; n--) text += parts[pick(parts.length)];
    let parsed = true;
    try {
      JSON.parse(text);
    } catch {
      parsed = false;
    }
    const problem = examine(text, 100);
    const isSyntax = problem?.message.startsWith('not valid JSON') ?? false;
    assert.is(isSyntax, !parsed, text);
    if (parsed) valid++;
  }
  assert.ok(valid > 1000, String(valid));
});

test('on any value a key is found twice exactly where it is', () => {
  const pick = random(9);
  const strings = ['a', 'b', 'a:', '"', '\\', '\\"', '":', 'c"', ''];
  const write = (depth: number): [string, boolean] => {
    if (depth === 0 || pick(3) === 0) return [JSON.stringify(strings[pick(strings.length)]), false];
    const items = Array.from({ length: pick(4) }, () => write(depth - 1));
    const inside = items.some(([, twice]) => twice);
    if (pick(2) === 0) return [`[${items.map(([text]) => text).join(', ')}]`, inside];
    const keys = items.map(() => strings[pick(strings.length)]);
    const space = ' '.repeat(pick(3));
    const fields = items.map(([text], i) => `${JSON.stringify(keys[i])}${space}:${space}${text}`);
    return [`{${fields.join(',')}}`, inside || new Set(keys).size < keys.length];
  };
  let refused = 0;
  for (let i = 0; i < 20_000; i++) {
    const [text, twice] = write(4);
    if (twice) {
      refused++;
      assert.match(refusal(text)[1], /given twice/, text);
    } else assert.equal(parseJson(text), JSON.parse(text));
  }
  assert.ok(refused > 1000 && refused < 19_000, String(refused));
});

test.run();
