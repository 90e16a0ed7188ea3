import { AttuneError, type ErrorCode } from '../errors.ts';

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
