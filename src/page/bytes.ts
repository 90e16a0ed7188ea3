/** Unsigned integers in as few bytes as they need, and UTF-8 text; in Node and in the browser. */
export class ByteWriter {
  private bytes = new Uint8Array(1 << 16);
  length = 0;

  byte(value: number): void {
    this.room(1);
    this.bytes[this.length++] = value;
  }

  /** 7 bits a byte, low ones first; up to 2^32 - 1. */
  count(value: number): void {
    this.room(5);
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) {
      this.bytes[this.length++] = (rest % 128) | 128;
    }
    this.bytes[this.length++] = rest;
  }

  /** An integer of either sign. */
  signed(value: number): void {
    this.count(value < 0 ? -2 * value - 1 : 2 * value);
  }

  /** A lone surrogate becomes U+FFFD, which is as long. */
  text(text: string): void {
    const encoded = new TextEncoder().encode(text);
    this.count(encoded.length);
    this.append(encoded);
  }

  append(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** What was written; the writer begins anew. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.bytes.slice(0, this.length);
    this.length = 0;
    return taken;
  }

  private room(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.bytes.length, this.length + more));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

/** Reads what ByteWriter wrote. */
export class ByteReader {
  constructor(
    private readonly bytes: Uint8Array,
    public at = 0,
  ) {}

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  byte(): number {
    return this.bytes[this.at++] ?? 0;
  }

  count(): number {
    let value = 0;
    let factor = 1;
    let byte = this.byte();
    for (; byte > 127; byte = this.byte()) {
      value += (byte & 127) * factor;
      factor *= 128;
    }
    return value + byte * factor;
  }

  signed(): number {
    const value = this.count();
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }

  text(): string {
    const length = this.count();
    const part = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(part);
  }

  skip(length: number): void {
    this.at += length;
  }
}
