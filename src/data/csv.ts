import type { Readable } from 'node:stream';
import type { CsvError, Parser } from 'csv-parse';
import { AttuneError, dataError, RowError } from '../errors.ts';
import type { RowFile } from './rowfile.ts';

/** Columns that hold lists; a cell of them is the list's JSON text. */
const lists = [
  'messages',
  'conversations',
  'input_ids',
  'labels',
  'completion_mask',
  'assistant_masks',
];

const largestRow = 256 << 20;

/**
 * Copies the rows of a CSV file: the first record names the columns, every cell is text, and cells
 * of columns that hold lists are JSON. `name` is for messages. Throws
 * `data` with the line where a record begins: for one with more or fewer fields than the first, a
 * quote out of place, bytes that are not UTF-8. Where `skips`, a record whose end is sure is refused
 * alone; text behind a closing quote, and a quote that is not closed, leave unsure where rows end.
 */
export async function copyCsv(
  input: Readable,
  name: string,
  rows: RowFile,
  skips = false,
): Promise<void> {
  const { parse } = await import('csv-parse');
  const stray = new StrayQuotes(() => (parser as unknown as ParserState).state.record);
  const parser = parse({
    encoding: null,
    info: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    skip_empty_lines: true,
    max_record_size: largestRow,
    relax_column_count: true,
    ...(skips ? { skip_records_with_error: true, on_skip: stray.note } : {}),
  });
  input.on('error', (error) => parser.destroy(error));
  input.pipe(parser);
  // The parser counts a \r\n inside quotes as two lines.
  let surplus = 0;
  let done = 0;
  let columns: string[] | null = null;
  const refuseStray = (records: number): void => {
    for (const { line, cells } of stray.before(records)) {
      rows.refuse({ reason: strayQuote, raw: shown(cells) }, line - surplus);
    }
  };
  try {
    for await (const { record, info } of parser as AsyncRecords) {
      refuseStray(info.records);
      const breaks = breaksIn(record);
      const pairs = record.reduce((sum, cell) => sum + count(cell, '\r\n'), 0);
      const line = info.lines - surplus - breaks;
      surplus += pairs;
      done = info.lines - surplus;
      try {
        const cells = record.map((cell) => text(cell, name, line));
        if (columns === null) columns = header(cells, name, line);
        else rows.write(JSON.stringify(toRow(columns, cells, name, line)), line);
      } catch (error) {
        if (!skips || columns === null || !(error instanceof RowError)) throw error;
        rows.refuse({ reason: error.reason, raw: shown(record) }, line);
      }
    }
    refuseStray(Number.POSITIVE_INFINITY);
  } catch (error) {
    throw error instanceof AttuneError ? error : problem(error as CsvError, name, done, surplus);
  } finally {
    input.destroy();
  }
}

const strayQuote = 'a quote inside a field that does not begin with one: write "" inside quotes';

/** What the parser keeps of the record that it reads: its cells so far, an array of its own each. */
interface ParserState {
  state: { record: Buffer[] };
}

/** Records with a quote inside a field, which the parser leaves out where it is asked to go on. */
class StrayQuotes {
  private found: { records: number; line: number; cells: Buffer[] }[] = [];

  constructor(private readonly reading: () => Buffer[]) {}

  /** Told of every error; throws those after which it is not sure where the record ends. */
  readonly note = (error: CsvError | undefined): undefined => {
    const records = Number(error?.records);
    if (error?.code !== 'INVALID_OPENING_QUOTE' || records === 0) throw error;
    const cells = this.reading();
    if (this.found.at(-1)?.cells === cells) return;
    this.found.push({ records, line: Number(error.lines) - breaksIn(cells), cells });
  };

  /** Takes those that stand before good record number `records`. */
  before(records: number): typeof this.found {
    const end = this.found.findIndex((each) => each.records >= records);
    return this.found.splice(0, end < 0 ? this.found.length : end);
  }
}

function breaksIn(cells: readonly Buffer[]): number {
  return cells.reduce((sum, cell) => sum + count(cell, '\r') + count(cell, '\n'), 0);
}

/** Cells as people are shown those of no row. */
const shown = (cells: readonly Buffer[]): string => JSON.stringify(cells.map(String));

type AsyncRecords = Parser &
  AsyncIterable<{ record: Buffer[]; info: { lines: number; records: number } }>;

function toRow(columns: string[], cells: string[], name: string, line: number): object {
  if (cells.length !== columns.length) {
    const reason = `this record has ${cells.length} fields, the first has ${columns.length}`;
    throw new RowError(name, line, reason);
  }
  const entries = columns.map((column, i): [string, unknown] => {
    const cell = cells[i] ?? '';
    if (!lists.includes(column)) return [column, cell];
    if (cell === '') return [column, null];
    try {
      return [column, JSON.parse(cell)];
    } catch {
      throw new RowError(name, line, `column "${column}" must hold a list as JSON text`);
    }
  });
  return Object.fromEntries(entries);
}

function header(columns: string[], name: string, line: number): string[] {
  const twice = columns.find((column, i) => columns.indexOf(column) < i);
  if (twice === undefined) return columns;
  throw dataError(name, line, `two columns are called ${JSON.stringify(twice)}`);
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function text(cell: Buffer, name: string, line: number): string {
  try {
    return decoder.decode(cell);
  } catch {
    throw new RowError(name, line, 'not valid UTF-8');
  }
}

function count(cell: Buffer, text: string): number {
  let found = 0;
  for (let at = cell.indexOf(text); at >= 0; at = cell.indexOf(text, at + text.length)) found++;
  return found;
}

function problem(error: CsvError, name: string, done: number, surplus: number): Error {
  const line = error.lines === undefined ? done + 1 : Number(error.lines) - surplus;
  switch (error.code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return dataError(name, done + 1, 'a quoted field is not closed');
    case 'INVALID_OPENING_QUOTE':
      return dataError(name, line, strayQuote);
    case 'CSV_INVALID_CLOSING_QUOTE':
      return dataError(
        name,
        line,
        'text behind the closing quote of a field: write "" for a quote',
      );
    case 'CSV_MAX_RECORD_SIZE':
      return dataError(
        name,
        done + 1,
        'a record of more than 256 MiB: a quote is perhaps not closed',
      );
    default:
      return dataError(name, null, error.message);
  }
}
