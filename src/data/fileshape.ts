import { dataError, RowError } from '../errors.ts';
import type { Formatter } from './formatting.ts';
import type { DataOptions } from './options.ts';
import { RowReader } from './reader.ts';
import { type Shape, toRecord, writtenShape } from './record.ts';
import type { Source } from './source.ts';

export type ShapeOptions = Pick<DataOptions, 'datasetTextField' | 'onBadRow'>;

/** Good rows that decide about a shape where bad ones are left out. */
const voters = 100;

/**
 * The shape that all rows of a file must have: that of its first row; where bad rows are left out,
 * which the first may be, that of most of its first good rows. Throws `data` where there are none.
 */
export function fileShape(source: Source, options: ShapeOptions, format: Formatter): Shape {
  const found = shapeOfRows(source, options, format);
  if (!(found instanceof RowError)) return found;
  throw noneGood(found);
}

/** Throws `data`: a file without one good row is broken as a whole, or read in the wrong way. */
export function noneGood({ file, line, reason }: RowError): Error {
  return dataError(file, null, `no row of it is good; the first error, of line ${line}: ${reason}`);
}

/**
 * The same of a part of a file, behind so many lines; the first error where bad rows are left out and none
 * is good.
 */
export function shapeOfRows(
  source: Source,
  { datasetTextField, onBadRow }: ShapeOptions,
  format: Formatter,
  linesBefore = 0,
): Shape | RowError {
  const reader = new RowReader(source);
  const votes = new Map<Shape, number>();
  let first: RowError | null = null;
  let good = 0;
  try {
    for (let i = 0; i < source.rows.length && good < voters; i++) {
      const { line, ...bytes } = source.rows.at(i);
      const range = { ...bytes, line: linesBefore + line };
      const place = { file: source.name, line: range.line };
      try {
        const row = format(reader.read(range), place);
        const shape = writtenShape(toRecord(row, datasetTextField, place));
        if (onBadRow === 'error') return shape;
        votes.set(shape, (votes.get(shape) ?? 0) + 1);
        good++;
      } catch (error) {
        if (onBadRow === 'error' || !(error instanceof RowError)) throw error;
        first ??= error;
      }
    }
  } finally {
    reader.close();
  }
  const [winner] = [...votes].sort(([, a], [, b]) => b - a);
  return winner?.[0] ?? first!;
}
