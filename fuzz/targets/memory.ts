import type { RowFile } from '../../src/data/rowfile.ts';
import { rule } from '../target.ts';

/** Rows that are counted and checked instead of written. */
export function memoryRows(): { rows: RowFile; count: () => number } {
  let count = 0;
  let last = 0;
  const write = (json: string, line: number) => {
    const row: unknown = JSON.parse(json);
    rule(typeof row === 'object' && row !== null && !Array.isArray(row), 'a row that is no object');
    rule(Number.isSafeInteger(line) && line >= last, `line ${line} after ${last}`);
    last = line;
    count++;
  };
  return { rows: { write } as unknown as RowFile, count: () => count };
}
