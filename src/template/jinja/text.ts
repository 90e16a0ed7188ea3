/**
 * A string that knows which of its characters came from the row and which from the template.
 * `marks` are flat triples start, end, origin: stretches of UTF-16 units, in order, apart; origin
 * is the message's index, or -1 for what else the row gave. What no mark covers, the template wrote.
 */
export class Text {
  constructor(
    readonly text: string,
    readonly marks: Marks = unmarked,
  ) {}

  /** Characters [start, end) in UTF-16 units. */
  slice(start: number, end = this.text.length): Text {
    const { text, marks } = this;
    if (start === 0 && end === text.length) return this;
    if (start >= end) return empty;
    if (marks.length === 0) return new Text(text.slice(start, end));
    const kept: number[] = [];
    for (let i = 0; i < marks.length; i += 3) {
      const from = Math.max(marks[i] as number, start);
      const to = Math.min(marks[i + 1] as number, end);
      if (from < to) kept.push(from - start, to - start, marks[i + 2] as number);
    }
    return new Text(text.slice(start, end), kept);
  }

  /**
   * `text` in place of this one, of other length: where only the row's or only the template's
   * characters were, so are they now; a mixture counts as the row's.
   */
  replacedBy(text: string): Text {
    if (this.marks.length === 0 || text === '') return new Text(text);
    return new Text(text, [0, text.length, this.marks[2] as number]);
  }

  /** Applies a change of single characters, such as upper case, to each part on its own. */
  mapped(change: (text: string) => string): Text {
    const whole = change(this.text);
    if (this.marks.length === 0) return new Text(whole);
    if (whole.length === this.text.length) return new Text(whole, this.marks);
    const builder = new TextBuilder();
    for (const part of this.parts()) builder.add(part.replacedBy(change(part.text)));
    const built = builder.take();
    return built.text === whole ? built : this.replacedBy(whole);
  }

  /** The parts between which the origin changes. */
  private parts(): Text[] {
    const parts: Text[] = [];
    let done = 0;
    for (let i = 0; i < this.marks.length; i += 3) {
      const [start, end] = [this.marks[i] as number, this.marks[i + 1] as number];
      if (start > done) parts.push(this.slice(done, start));
      parts.push(this.slice(start, end));
      done = end;
    }
    if (done < this.text.length) parts.push(this.slice(done));
    return parts;
  }
}

export type Marks = readonly number[];

const unmarked: Marks = [];

export const empty = new Text('');

/** Text that the row gave. */
export function fromRow(text: string, origin: number): Text {
  return text === '' ? empty : new Text(text, [0, text.length, origin]);
}

/** Puts texts together. */
export class TextBuilder {
  length = 0;
  private readonly texts: string[] = [];
  private readonly marks: number[] = [];

  add({ text, marks }: Text): void {
    if (text === '') return;
    this.texts.push(text);
    for (let i = 0; i < marks.length; i += 3) {
      const start = this.length + (marks[i] as number);
      const end = this.length + (marks[i + 1] as number);
      const origin = marks[i + 2] as number;
      const last = this.marks.length - 3;
      if (last >= 0 && this.marks[last + 1] === start && this.marks[last + 2] === origin) {
        this.marks[last + 1] = end;
      } else {
        this.marks.push(start, end, origin);
      }
    }
    this.length += text.length;
  }

  take(): Text {
    return new Text(this.texts.join(''), this.marks);
  }
}

export function joinTexts(parts: readonly Text[], separator = empty): Text {
  const builder = new TextBuilder();
  parts.forEach((part, i) => {
    if (i > 0) builder.add(separator);
    builder.add(part);
  });
  return builder.take();
}
