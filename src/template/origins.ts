import type { Marks } from './jinja/text.ts';

/** Where the text of a row stands in what was rendered: the rest is the template's own. */
export class Origins {
  constructor(private readonly marks: Marks) {}

  /** Whether any of [start, end) is text of the row. */
  touches(start: number, end: number): boolean {
    return this.within(start, end).next().done !== true;
  }

  /** Messages with text in [start, end), in order, each once. */
  messages(start: number, end: number): number[] {
    const found = new Set<number>();
    for (const [, , message] of this.within(start, end)) if (message >= 0) found.add(message);
    return [...found];
  }

  /** Where the row's text in [start, end) ends, or `start` where there is none. */
  lastEnd(start: number, end: number): number {
    let last = start;
    for (const [, to] of this.within(start, end)) last = Math.min(to, end);
    return last;
  }

  /** Where text of a message begins in [start, end), or null. */
  firstOf(message: number, start: number, end: number): number | null {
    for (const [from, , owner] of this.within(start, end)) {
      if (owner === message) return Math.max(from, start);
    }
    return null;
  }

  /** Where the text of each message ends. */
  ends(): Map<number, number> {
    const ends = new Map<number, number>();
    for (const [, to, message] of this.within(0, Number.POSITIVE_INFINITY)) {
      if (message >= 0) ends.set(message, to);
    }
    return ends;
  }

  private *within(start: number, end: number): Generator<[number, number, number]> {
    const marks = this.marks;
    let low = 0;
    let high = marks.length / 3;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((marks[3 * middle + 1] as number) <= start) low = middle + 1;
      else high = middle;
    }
    for (let i = 3 * low; i < marks.length && (marks[i] as number) < end; i += 3) {
      yield [marks[i] as number, marks[i + 1] as number, marks[i + 2] as number];
    }
  }
}
