import { parseJson } from '../../src/data/json.ts';
import { JsonProblem } from '../../src/data/scan.ts';
import { rule, type Target } from '../target.ts';

/** JSON texts of rows: what is accepted is what JSON.parse reads, with no key twice. */
export const target: Target = {
  name: 'json',
  seeds: [
    '{"messages":[{"role":"user","content":"a \\"b\\" \\u00e9"},{"role":"assistant","content":""}]}',
    '{"a":{"a":{"b":[1,-2.5e3,true,null]}},"c":"\\\\"}',
    '[[[[]]],{"":{}}]',
  ],
  words: [
    '"a":',
    '"a"',
    '\\"',
    '\\u0000',
    '\\ud83d\\ude00',
    '\\ud800',
    '__proto__',
    '{}',
    '[[',
    ':',
    ',',
  ],
  json: true,
  run(input) {
    const text = Buffer.from(input).toString();
    const value = parseJson(text);
    const again = JSON.stringify(value);
    rule(again === JSON.stringify(JSON.parse(text)), 'another value than JSON.parse');
    rule(!again.includes('"__proto__":'), 'a key __proto__');
    rule(!twice(text), 'a key given twice');
    return Array.isArray(value) ? 'a list' : typeof value;
  },
  refuses: (error) => error instanceof JsonProblem,
};

/** Whether an object of the text has a key twice, by a parse of its own. */
function twice(text: string): boolean {
  const stack: (Set<string> | null)[] = [];
  let found = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '{') stack.push(new Set());
    else if (character === '[') stack.push(null);
    else if (character === '}' || character === ']') stack.pop();
    else if (character === '"') {
      const start = i++;
      while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
      const keys = stack.at(-1);
      if (!keys || !/^\s*:/.test(text.slice(i + 1, i + 40))) continue;
      const key = JSON.parse(text.slice(start, i + 1)) as string;
      found ||= keys.has(key);
      keys.add(key);
    }
  }
  return found;
}
