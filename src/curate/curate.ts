import { closeSync, fsyncSync, openSync, statSync, writeSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { writeFiles } from '../checkpoint/files.ts';
import type { DataFile } from '../data/files.ts';
import type { Place } from '../data/record.ts';
import { AttuneError } from '../errors.ts';
import { type BadRow, breathe, type RowOptions, RowSet } from './rowset.ts';

/** What every verb takes. */
export interface CurateOptions extends RowOptions {
  /** File for the rows that are kept, as JSON Lines; null: only the report is made. */
  output?: string | null;
  /** File for the report with every row that is left out, as JSON. */
  report?: string | null;
  /** Called now and then with the rows that were looked at. */
  onProgress?: (done: number, total: number) => void;
}

/** Why a row is left out. */
export interface Left {
  reason: string;
  /** The row it repeats, or that speaks against it. */
  of?: number;
  /** How alike the two are, 0 to 1. */
  similarity?: number;
  /** What was found, in words. */
  detail?: string;
}

/** A row that is left out, by place. */
export interface LeftRow extends Place {
  reason: string;
  of?: Place;
  similarity?: number;
  detail?: string;
}

/** What was read, kept and left out: read = kept + the sum of the counts. */
export interface CurateReport {
  verb: string;
  /** What the verb did it with, defaults included. */
  settings: Record<string, unknown>;
  files: { file: string; rows: number }[];
  read: number;
  kept: number;
  left: { reason: string; count: number; examples: LeftRow[] }[];
  /** What the verb found besides. */
  notes: string[];
  /** Files that were written. */
  written: string[];
  seconds: number;
}

/** Decides about the rows of a set; what it does not leave out is kept. */
export type Judge = (rows: RowSet, work: Work) => Promise<Map<number, Left>>;

/** A verb's way to say how far it is, and what it noticed. */
export interface Work {
  /** To be awaited once a row. Rejects with `aborted`. */
  step(row: number): Promise<void> | undefined;
  note(text: string): void;
}

/** What a verb writes: rows and files, each from rows of the set as lines. */
export interface Writing {
  path: string;
  rows: readonly number[];
  line(row: number): string;
}

const shownExamples = 5;
const between = 50;

/** Runs a verb: opens the rows, judges them, writes what stays and the report. */
export async function curate(
  verb: string,
  options: CurateOptions,
  settings: Record<string, unknown>,
  judge: Judge,
  {
    context = [],
    writings,
    outputs = [],
  }: {
    context?: readonly DataFile[];
    /** Files to write, by what was decided; default: the rows that are kept, to `output`. */
    writings?: (rows: RowSet, left: Map<number, Left>) => Writing[];
    /** Names of files to be written besides `output` and `report`. */
    outputs?: readonly string[];
  } = {},
): Promise<CurateReport> {
  const start = performance.now();
  const rows = await RowSet.open(options, context);
  try {
    const { output = null, report: reportPath = null } = options;
    checkOutputs([...(output ? [output] : []), ...outputs], reportPath, rows);
    const notes: string[] = [];
    const left = await judge(rows, worker(rows, options, notes));
    const report = summarise(verb, settings, rows, left, notes);
    const kept = (): Writing[] =>
      output ? [{ path: output, rows: keptRows(rows, left), line: (row) => rows.line(row) }] : [];
    for (const writing of writings?.(rows, left) ?? kept()) {
      await writeLines(writing, options.signal);
      report.written.push(writing.path);
    }
    report.seconds = (performance.now() - start) / 1000;
    if (reportPath) {
      report.written.push(reportPath);
      await writeReport(reportPath, report, rows, left);
    }
    return report;
  } finally {
    rows.close();
  }
}

/** Numbers of the rows that are not left out, in order. */
export function keptRows(rows: RowSet, left: ReadonlyMap<number, Left>): number[] {
  const kept: number[] = [];
  for (let row = rows.first; row < rows.length; row++) if (!left.has(row)) kept.push(row);
  return kept;
}

function worker(rows: RowSet, options: CurateOptions, notes: string[]): Work {
  let next = 0;
  return {
    step(row) {
      if ((row & 15) !== 0 || performance.now() < next) return undefined;
      next = performance.now() + between;
      options.onProgress?.(row, rows.length);
      return breathe(options.signal);
    },
    note: (text) => void notes.push(text),
  };
}

function summarise(
  verb: string,
  settings: Record<string, unknown>,
  rows: RowSet,
  left: ReadonlyMap<number, Left>,
  notes: string[],
): CurateReport {
  const reasons = new Map<string, { reason: string; count: number; examples: LeftRow[] }>();
  for (const [row, why] of left) {
    const entry = reasons.get(why.reason) ?? { reason: why.reason, count: 0, examples: [] };
    reasons.set(why.reason, entry);
    if (++entry.count <= shownExamples) entry.examples.push(leftRow(rows, row, why));
  }
  const bad = rows.bad.filter(({ isContext }) => !isContext);
  const badContext = rows.bad.length - bad.length;
  if (bad.length > 0) {
    const examples = bad.slice(0, shownExamples).map(badRow);
    reasons.set(badReason, { reason: badReason, count: bad.length, examples });
  }
  if (badContext > 0) notes.push(`bad rows that nothing was compared with: ${badContext}`);
  const good = rows.length - rows.first;
  return {
    verb,
    settings: { by: rows.by, ...settings },
    files: rows.files,
    read: good + bad.length,
    kept: good - left.size,
    left: [...reasons.values()],
    notes,
    written: [],
    seconds: 0,
  };
}

const badReason = 'bad row';

function badRow({ file, line, reason }: BadRow): LeftRow {
  return { file, line, reason: badReason, detail: reason };
}

function leftRow(rows: RowSet, row: number, { of, ...why }: Left): LeftRow {
  return { ...rows.place(row), ...why, ...(of === undefined ? {} : { of: rows.place(of) }) };
}

/** Throws `config` where a file would be written over one that is read, or two over each other. */
function checkOutputs(outputs: string[], report: string | null, rows: RowSet): void {
  for (const path of outputs) {
    if (/\.jsonl$/i.test(path)) continue;
    throw new AttuneError('config', `${path}: rows are written as JSON Lines: name it .jsonl`);
  }
  const seen = new Set(rows.sources.map(({ name }) => identity(name)));
  for (const path of report === null ? outputs : [...outputs, report]) {
    const id = identity(path);
    if (seen.has(id)) {
      throw new AttuneError('config', `${path}: is read or written already: name another file`);
    }
    seen.add(id);
  }
}

/** The same for all names of a file. */
function identity(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  if (found?.isDirectory()) throw new AttuneError('config', `${path}: is a directory`);
  return found ? `${found.dev}:${found.ino}` : resolve(path);
}

async function writeLines(writing: Writing, signal: AbortSignal | undefined): Promise<void> {
  await writeWhole(writing.path, async (write) => {
    for (const [i, row] of writing.rows.entries()) {
      write(`${writing.line(row)}\n`);
      if ((i & 1023) === 0) await breathe(signal);
    }
  });
}

async function writeReport(
  path: string,
  report: CurateReport,
  rows: RowSet,
  left: ReadonlyMap<number, Left>,
): Promise<void> {
  await writeWhole(path, async (write) => {
    const head = JSON.stringify(report, null, 2);
    write(`${head.slice(0, -2)},\n  "rows": [`);
    let comma = '';
    const add = (row: LeftRow): void => {
      write(`${comma}\n    ${JSON.stringify(row)}`);
      comma = ',';
    };
    for (const row of rows.bad) if (!row.isContext) add(badRow(row));
    for (const [row, why] of left) add(leftRow(rows, row, why));
    write('\n  ]\n}\n');
  });
}

/** Writes a file that appears whole or not at all. */
async function writeWhole(
  path: string,
  fill: (write: (text: string) => void) => Promise<void>,
): Promise<void> {
  const write = async (temporary: string): Promise<void> => {
    const handle = openSync(temporary, 'w');
    try {
      let parts: string[] = [];
      let pending = 0;
      const flush = (): void => {
        const bytes = Buffer.from(parts.join(''));
        for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done);
        parts = [];
        pending = 0;
      };
      await fill((text) => {
        parts.push(text);
        pending += text.length;
        if (pending > 1 << 20) flush();
      });
      flush();
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  };
  await writeFiles(dirname(path), [{ name: basename(path), write }]);
}
