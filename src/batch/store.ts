import type { WordLog } from '../cache/log.ts';
import {
  type Columns,
  checksum,
  columnNames,
  type Document,
  type Documents,
  type Fault,
  faultFrom,
  fromWords,
  makeColumns,
} from '../worker/documents.ts';
import { countTrained } from '../worker/labels.ts';

/** Places of logs are of 8 bits. One is kept for rows of this run. */
const mostLogs = 254;

/** A log whose words are not those that were written. */
export class CorruptLog extends Error {
  constructor(readonly log: WordLog) {
    super('encoded rows are not as they were written');
  }
}

/**
 * The encoded rows of some files: what is known of each in memory, its tokens in a log. `row` is a
 * place among all rows. Tokens of logs from outside are checked against their checksum when they are
 * first read, which throws CorruptLog.
 */
export class DocumentStore {
  private readonly columns: Columns;
  private readonly offsets: Float64Array;
  /** Which of `logs` a row is in, from 1; 0: it is not encoded. */
  private readonly places: Uint8Array;
  private readonly checked: Uint8Array;
  private readonly logs: WordLog[] = [];
  /** The log that rows are added to, and the rows in it, in order. */
  private own: { log: WordLog; place: number; rows: Uint32Array[] } | null = null;

  /** `count`: rows of the files; `makeLog` is called when the first is added. */
  constructor(
    count: number,
    private readonly makeLog: () => WordLog,
  ) {
    this.columns = makeColumns(count);
    this.offsets = new Float64Array(count);
    this.places = new Uint8Array(count);
    this.checked = new Uint8Array(count);
  }

  has(row: number): boolean {
    return this.places[row] !== 0;
  }

  /** Tokens of a row. */
  length(row: number): number {
    return this.columns.lengths[row]!;
  }

  /** Whether a row is bad. */
  isBad(row: number): boolean {
    return this.columns.lengths[row] === 0;
  }

  /** What is wrong with a bad row. */
  fault(row: number): Fault {
    const log = this.logs[this.places[row]! - 1]!;
    if (this.checked[row] === 0) this.check(row, log);
    return faultFrom(log.read(this.offsets[row]!, this.columns.sizes[row]!));
  }

  /** Adds newly encoded rows. */
  add(rows: Uint32Array, { words, columns }: Documents): void {
    this.own ??= this.begin();
    const offset = this.own.log.append(words);
    this.own.rows.push(rows);
    this.place(rows, columns, offset, this.own.place);
    for (const row of rows) this.checked[row] = 1;
  }

  /** Takes rows that are not there yet from another log, if there is room for one more. */
  adopt(log: WordLog, rows: Uint32Array, columns: Columns): void {
    if (this.logs.length < mostLogs) this.place(rows, columns, 0, this.logs.push(log));
  }

  /** What was added since the last time, its log to be left as it is from now on; null: nothing. */
  seal(): { log: WordLog; rows: Uint32Array; columns: Columns } | null {
    if (this.own === null) return null;
    const { log, rows: parts } = this.own;
    this.own = null;
    const rows = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      rows.set(part, at);
      at += part.length;
    }
    const columns = makeColumns(rows.length);
    for (const name of columnNames) {
      for (let i = 0; i < rows.length; i++) columns[name][i] = this.columns[name][rows[i]!]!;
    }
    return { log, rows, columns };
  }

  /** The rows of a log are no longer there. */
  forget(log: WordLog): void {
    const place = this.logs.indexOf(log) + 1;
    for (let row = 0; row < this.places.length; row++) {
      if (this.places[row] === place) this.places[row] = 0;
    }
  }

  /** Whether anything of tokens [start, end) is trained, where they are a document of their own. */
  trains(row: number, start: number, end: number): boolean {
    const first = this.columns.firsts[row]!;
    const last = this.columns.lasts[row]!;
    if ((start < first && first < end) || (start < last && last < end)) return true;
    if (first >= end || last <= start) return false;
    return this.trained(row, start, end) > 0;
  }

  /** How many of them are. */
  trained(row: number, start: number, end: number): number {
    const first = this.columns.firsts[row]!;
    const last = this.columns.lasts[row]!;
    if (start < first && last < end) return this.columns.trained[row]!;
    if (first >= end || last <= start) return 0;
    return countTrained(this.read(row, start, end).labels);
  }

  /** Tokens [start, end) of a row. */
  read(row: number, start: number, end: number): Document {
    const size = this.columns.sizes[row]!;
    const length = this.columns.lengths[row]!;
    const log = this.logs[this.places[row]! - 1]!;
    const offset = this.offsets[row]!;
    if (this.checked[row] === 0) this.check(row, log);
    if (size === length) return fromWords(log.read(offset + start, end - start), end - start);
    const { ids, labels } = fromWords(log.read(offset, size), length);
    return { ids: ids.subarray(start, end), labels: labels.subarray(start, end) };
  }

  close(): void {
    for (const log of this.logs) log.close();
  }

  private begin(): { log: WordLog; place: number; rows: Uint32Array[] } {
    const log = this.makeLog();
    return { log, place: this.logs.push(log), rows: [] };
  }

  private check(row: number, log: WordLog): void {
    let words: Int32Array;
    try {
      words = log.read(this.offsets[row]!, this.columns.sizes[row]!);
    } catch {
      throw new CorruptLog(log);
    }
    if (checksum(words) !== this.columns.checks[row]) throw new CorruptLog(log);
    this.checked[row] = 1;
  }

  /** Notes rows that lie one behind another from `start` on: column by column, for they are many. */
  private place(rows: Uint32Array, columns: Columns, start: number, place: number): void {
    const { places, offsets } = this;
    const { sizes } = columns;
    const isNew = new Uint8Array(rows.length);
    let offset = start;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      if (places[row] === 0) {
        isNew[i] = 1;
        places[row] = place;
        offsets[row] = offset;
      }
      offset += sizes[i]!;
    }
    for (const name of columnNames) copyNew(columns[name], rows, isNew, this.columns[name]);
  }
}

/** Copies the values of rows that are new to their places. */
function copyNew(values: Int32Array, rows: Uint32Array, isNew: Uint8Array, to: Int32Array): void {
  for (let i = 0; i < rows.length; i++) if (isNew[i] === 1) to[rows[i]!] = values[i]!;
}
