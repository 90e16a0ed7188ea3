import { RowFault } from '../worker/fault.ts';
import type { Block, BlockTask } from '../worker/messages.ts';
import type { Records } from './records.ts';

const rowsAtOnce = 1000;

/**
 * The error of the first bad row of the files, given one that some thread came upon: the rows before
 * it are encoded once more, in the order of the files. So the same error is reported whatever the
 * order and the number of threads.
 */
export async function firstFault(
  error: Error,
  records: Records,
  lanes: number,
  run: (task: BlockTask) => Promise<Block>,
): Promise<Error> {
  if (!(error instanceof RowFault)) return error;
  let first = error;
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < first.row) {
      const start = next;
      next = Math.min(first.row, start + rowsAtOnce);
      const rows = Uint32Array.from({ length: next - start }, (_, i) => start + i);
      await run(records.rowsTask(rows)).catch((other: unknown) => {
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
