/** Growing list of tokens with the UTF-16 stretch [start, end) of the text that each stands for. */
export class TokenList {
  length = 0;
  private ids = new Int32Array(1024);
  private spans = new Int32Array(2048);

  push(id: number, start: number, end: number): void {
    if (this.length === this.ids.length) this.grow();
    this.ids[this.length] = id;
    this.spans[2 * this.length] = start;
    this.spans[2 * this.length + 1] = end;
    this.length++;
  }

  /** Replaces each stretch from token `from` on. */
  remap(from: number, map: (start: number, end: number) => [number, number]): void {
    for (let i = from; i < this.length; i++) {
      const [start, end] = map(this.spans[2 * i] ?? 0, this.spans[2 * i + 1] ?? 0);
      this.spans[2 * i] = start;
      this.spans[2 * i + 1] = end;
    }
  }

  /** Copies of the ids [n] and offsets [2n]: start and end of each token in turn. */
  take(): { ids: Int32Array; offsets: Int32Array } {
    return { ids: this.ids.slice(0, this.length), offsets: this.spans.slice(0, 2 * this.length) };
  }

  private grow(): void {
    const ids = new Int32Array(2 * this.ids.length);
    ids.set(this.ids);
    this.ids = ids;
    const spans = new Int32Array(2 * this.spans.length);
    spans.set(this.spans);
    this.spans = spans;
  }
}
