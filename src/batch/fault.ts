import type { Documents } from '../worker/documents.ts';
import { RowFault } from '../worker/fault.ts';
import type { EncodeTask } from '../worker/messages.ts';
import type { Records } from './records.ts';

const rowsAtOnce = 1000;

/**
 * The error of the first bad row of the files, given one that some thread came upon: those rows before
 * it that are `untried` are encoded in the order of the files. So the same error is reported whatever
 * the order and the number of threads.
 */
export async function firstFault(
  error: RowFault,
  records: Records,
  untried: (row: number) => boolean,
  lanes: number,
  run: (task: EncodeTask) => Promise<Documents>,
): Promise<Error> {
  let first = error;
  let next = 0;
  const take = (): Uint32Array => {
    const rows: number[] = [];
    for (; next < first.row && rows.length < rowsAtOnce; next++) if (untried(next)) rows.push(next);
    return Uint32Array.from(rows);
  };
  const lane = async (): Promise<void> => {
    for (let rows = take(); rows.length > 0; rows = take()) {
      await run(records.task(rows)).catch((other: unknown) => {
        if (!(other instanceof RowFault)) throw other;
        if (other.row < first.row) first = other;
      });
    }
  };
  try {
    await Promise.all(Array.from({ length: lanes }, lane));
    return first;
  } catch {
    // The threads were ended meanwhile.
    return first;
  }
}
