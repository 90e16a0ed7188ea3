import { indexElements, NotRows } from '../../src/data/elements.ts';
import { indexLines } from '../../src/data/lines.ts';
import type { RowIndex } from '../../src/data/rows.ts';
import { rule, type Target } from '../target.ts';

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size));
  return parts;
}

function check(index: RowIndex, size: number): string {
  let before = 0;
  let text = '';
  for (let i = 0; i < index.length; i++) {
    const { start, end, line } = index.at(i);
    rule(
      start >= before && end > start && end <= size && line >= 1,
      `row ${i} at [${start}, ${end})`,
    );
    before = end;
    text += `${start},${end},${line};`;
  }
  return text;
}

/** The rows of an array, or why it is none. */
async function answer(parts: Uint8Array[], size: number): Promise<string | NotRows> {
  try {
    return check(await indexElements(parts), size);
  } catch (error) {
    if (error instanceof NotRows) return error;
    throw error;
  }
}

/** Where rows lie in JSON Lines and in a JSON array, however the bytes arrive. */
export const target: Target = {
  name: 'rows',
  seeds: ['{"a":1}\n{"a":2}\r\n\n  {"a":3}', '[{"a":"]"},\n{"b":[1,{"c":"\\""}]}, 3]\n', '[]'],
  words: ['\n', '\r\n', '[', ']', '{', '}', '"', '\\', ',', ' '],
  json: false,
  async run(input) {
    const lines = check(await indexLines([input]), input.length);
    const again = check(await indexLines(cut(input, 3)), input.length);
    rule(lines === again, 'other lines by other parts');
    const array = await answer([input], input.length);
    const cutArray = await answer(cut(input, 1), input.length);
    rule(`${array}` === `${cutArray}`, 'other rows by other parts');
    if (array instanceof NotRows) throw array;
    return 'an array';
  },
  refuses: (error) => error instanceof NotRows,
};
