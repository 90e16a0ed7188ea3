import { Readable } from 'node:stream';
import { copyCsv } from '../../src/data/csv.ts';
import { AttuneError } from '../../src/errors.ts';
import type { Target } from '../target.ts';
import { memoryRows } from './memory.ts';

/** CSV files. */
export const target: Target = {
  name: 'csv',
  seeds: [
    'text\nhello\n"a, ""b""\nc"\n',
    'prompt,completion\r\na,b\r\n\r\n"é",\r\n',
    'messages\n"[{""role"":""user"",""content"":""a""}]"\n',
  ],
  words: ['"', '""', ',', '\n', '\r\n', '\r', 'text', '[', ']', '\ufeff', ';', '\t'],
  json: false,
  async run(input) {
    const { rows, count } = memoryRows();
    await copyCsv(Readable.from([Buffer.from(input)]), 'fuzz', rows);
    return `${Math.min(3, count())} rows`;
  },
  refuses: (error) => error instanceof AttuneError && error.code === 'data',
};
