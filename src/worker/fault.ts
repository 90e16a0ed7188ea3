import { AttuneError, type ErrorCode } from '../errors.ts';
import type { EncodeTask } from './messages.ts';

/** An error about one row; `row` is its place among all rows of the files. */
export class RowFault extends AttuneError {
  constructor(
    code: ErrorCode,
    message: string,
    readonly row: number,
  ) {
    super(code, message);
  }
}

/** An error about the rows of a task, none of them in particular: its message names first and last. */
export class TaskFault extends AttuneError {
  constructor(
    readonly task: EncodeTask,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super('internal', `${range(task)}: ${reason}`, options);
  }
}

function range({ sources, files, lines }: EncodeTask): string {
  const name = (i: number): string => `${sources[files[i] ?? 0]?.name}:${lines[i]}`;
  return files.length === 1 ? name(0) : `${name(0)} to ${name(files.length - 1)}`;
}
