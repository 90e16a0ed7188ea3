import type { TextEncoder } from '../native/addon.d.ts';

/** Growing list of tokens with the UTF-16 stretch [start, end) of the text that each stands for. */
export class TokenList {
  length = 0;
  private ids = new Int32Array(1024);
  private spans = new Int32Array(2048);

  push(id: number, start: number, end: number): void {
    this.reserve(this.length + 1);
    this.ids[this.length] = id;
    this.spans[2 * this.length] = start;
    this.spans[2 * this.length + 1] = end;
    this.length++;
  }

  /** Appends the tokens of `text`, as `encoder.encode` says. */
  pushEncoded(encoder: TextEncoder, text: string, prefixed: boolean, at: number): void {
    const from = this.length;
    const length = from + encoder.encode(text, prefixed, at, this.ids, this.spans, from);
    if (length > this.ids.length) {
      this.reserve(length);
      encoder.take(this.ids, this.spans, from);
    }
    this.length = length;
  }

  /** Moves the stretches from token `from` on, none to before `least`. */
  shift(from: number, by: number, least: number): void {
    const spans = this.spans;
    for (let i = 2 * from; i < 2 * this.length; i++) {
      spans[i] = Math.max((spans[i] as number) + by, least);
    }
  }

  /** Takes the stretches from token `from` on to where normalized text came from, as `origin` does. */
  realign(from: number, starts: Int32Array, ends: Int32Array, at: number): void {
    const spans = this.spans;
    const last = ends.length === 0 ? 0 : (ends[ends.length - 1] as number);
    for (let i = from; i < this.length; i++) {
      const start = spans[2 * i] as number;
      const end = spans[2 * i + 1] as number;
      const first = start < starts.length ? (starts[start] as number) : last;
      spans[2 * i] = at + first;
      spans[2 * i + 1] = at + (end > start ? (ends[end - 1] ?? first) : first);
    }
  }

  /** The ids [n] and offsets [2n], start and end of each token in turn; empties the list. */
  take(): { ids: Int32Array; offsets: Int32Array } {
    const { ids, spans, length } = this;
    this.length = 0;
    if (ids.length > mostKept) {
      this.ids = new Int32Array(1024);
      this.spans = new Int32Array(2048);
      // A list that is full need not be copied.
      if (ids.length === length) return { ids, offsets: spans };
    }
    return { ids: ids.slice(0, length), offsets: spans.slice(0, 2 * length) };
  }

  private reserve(length: number): void {
    if (length <= this.ids.length) return;
    const room = Math.max(length, 2 * this.ids.length);
    const [ids, spans] = [uninitialized(room), uninitialized(2 * room)];
    ids.set(this.ids);
    spans.set(this.spans);
    this.ids = ids;
    this.spans = spans;
  }
}

/** Numbers that are written before they are read: for long lists zeros would cost as much as the tokens. */
function uninitialized(length: number): Int32Array<ArrayBuffer> {
  const { buffer } = Buffer.allocUnsafeSlow(4 * length);
  return new Int32Array(buffer as ArrayBuffer, 0, length);
}

/** Tokens whose room a list keeps once they are taken. */
const mostKept = 1 << 20;
