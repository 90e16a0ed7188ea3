/** The closed list of error codes; native code throws the same names (native/core/error.h). */
export type ErrorCode =
  | 'config'
  | 'data'
  | 'tokenizer'
  | 'template'
  | 'checkpoint'
  | 'shape'
  | 'out_of_memory'
  | 'device'
  | 'non_finite'
  | 'disposed'
  | 'aborted'
  | 'crashed'
  | 'internal';

/** Every error that attune raises. `code` is stable; the message says what to do. */
export class AttuneError extends Error {
  override readonly name = 'AttuneError';
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The request was wrong (exit code 2): a key, a file, a row. The rest failed while running (1). */
export function isRequestError(error: unknown): boolean {
  return (
    error instanceof AttuneError &&
    ['config', 'data', 'tokenizer', 'template', 'checkpoint'].includes(error.code)
  );
}

/** An error about one row, which `on_bad_row: skip` leaves out: the rest of its file is sound. */
export class RowError extends AttuneError {
  constructor(
    readonly file: string,
    /** NaN where nobody counted. */
    readonly line: number,
    readonly reason: string,
    code: ErrorCode = 'data',
  ) {
    super(code, `${file}:${line}: ${reason}`);
  }
}

/** A data error at a place: `FILE:LINE: message`, or `FILE: message` for the file as a whole. */
export function dataError(file: string, line: number | null, message: string): AttuneError {
  return new AttuneError(
    'data',
    line === null ? `${file}: ${message}` : `${file}:${line}: ${message}`,
  );
}
