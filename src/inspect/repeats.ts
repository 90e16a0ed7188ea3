import type { ShownRow } from '../batch/inspect.ts';
import { type Duplicate, DuplicateFinder } from '../curate/duplicates.ts';
import { minHashDefaults } from '../curate/minhash.ts';
import { wholeText } from '../curate/rowtext.ts';
import { toRecord } from '../data/record.ts';
import type { Row } from '../data/shape.ts';
import { type Columns, FLAGS } from '../page/model.ts';

/**
 * Finds rows of a page that repeat others, as `attune data dedupe` does: within the training data,
 * and between it and the evaluation data.
 */
export class Repeats {
  readonly threshold = minHashDefaults.threshold;
  private readonly texts: string[] = [];
  private readonly found = new Map<number, Duplicate>();
  private readonly finder = new DuplicateFinder((row) => this.texts[row] ?? '');

  /** Rows come in order from 0. `textField`: the column of plain text. */
  add({ value, place }: ShownRow, textField: string): void {
    // A bad row keeps its number, and repeats none.
    const text =
      value === undefined ? '' : wholeText(toRecord(value, textField, place), value as Row);
    const row = this.texts.push(text) - 1;
    if (text.trim() === '') return;
    const repeated = this.finder.add(row, text);
    if (repeated !== null) this.found.set(row, repeated);
  }

  /** Rows that had more candidates than they were compared with. */
  get cut(): number {
    return this.finder.cut;
  }

  /** Marks the rows of every group. `isEvaluation` tells it of a source. */
  mark(columns: Columns, isEvaluation: (source: number) => boolean): void {
    const inEvaluation = (row: number): boolean => isEvaluation(columns.source[row] ?? 0);
    for (const [row, { of, kind, similarity }] of this.found) {
      const bit = kind === 'near-duplicate' ? FLAGS.near : FLAGS.exact;
      const leak = inEvaluation(row) !== inEvaluation(of) ? FLAGS.leak : 0;
      columns.repeats[row] = of + 1;
      columns.similarity[row] = kind === 'near-duplicate' ? Math.min(99, 100 * similarity) : 100;
      columns.flags[row]! |= bit | leak;
      columns.flags[of]! |= bit | leak;
    }
    // Copies within the training data of a row that leaks leak as well.
    for (const [row, { of }] of this.found) columns.flags[row]! |= columns.flags[of]! & FLAGS.leak;
  }
}
