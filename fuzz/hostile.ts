// JavaScript values that native code may be given, described in JSON so that they can be changed as
// such: an object with the key "$" stands for a value that JSON does not have.

const longest = 1 << 16;
const wide = 0x110000;

type Described = Record<string, unknown>;

/** What a getter does before it answers. */
export type Deed = (name: string) => void;

/** An error of ours, which is to come back as it is. */
export class Thrown extends Error {}

const arrays = {
  ints: Int32Array,
  floats: Float32Array,
  bytes: Uint8Array,
  shorts: Uint16Array,
  signed: Int8Array,
  clamped: Uint8ClampedArray,
  doubles: Float64Array,
};

export const kinds: readonly string[] = [
  ...Object.keys(arrays), 'classes', 'number', 'undefined', 'symbol', 'bigint', 'function', 'bare', 'boxed',
  'proxy', 'getters', 'object', 'holes', 'repeat', 'buffer', 'view', 'date',
]; // biome-ignore format: a table
export const memories: readonly string[] = ['shared', 'resizable', 'shrunk', 'detached', 'inside'];

type Sized = InstanceType<(typeof arrays)[keyof typeof arrays]>;
type Resizable = ArrayBuffer & { resize?(bytes: number): void };
const ResizableBuffer = ArrayBuffer as unknown as new (
  bytes: number,
  options: { maxByteLength: number },
) => Resizable;

const count = (value: unknown, most: number): number => {
  const number = Math.trunc(Number(typeof value === 'object' ? Number.NaN : value));
  return number > 0 ? Math.min(number, most) : 0;
};

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Makes values of one input, and remembers the memory that getters take away. */
export class Hostile {
  private readonly buffers: Resizable[] = [];

  constructor(private readonly deed: Deed) {}

  make(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => this.make(item));
    const described = value as Described;
    if (typeof described.$ === 'string') return this.special(described.$, described);
    return Object.fromEntries(Object.entries(described).map(([key, of]) => [key, this.make(of)]));
  }

  /** Takes away the memory of all arrays so far. */
  detach(): void {
    for (const buffer of this.buffers.splice(0)) structuredClone(buffer, { transfer: [buffer] });
  }

  /** Makes all arrays that can be shorter. */
  shrink(): void {
    for (const buffer of this.buffers) buffer.resize?.(Math.floor(buffer.byteLength / 2));
  }

  private special(kind: string, { of, is, memory, does }: Described): unknown {
    if (Object.hasOwn(arrays, kind)) {
      const Made = arrays[kind as keyof typeof arrays];
      return this.array(Made, of, memory);
    }
    switch (kind) {
      case 'classes':
        return this.classes(of);
      case 'number':
        return Number(typeof of === 'object' ? Number.NaN : of);
      case 'undefined':
        return undefined;
      case 'symbol':
        return Symbol(text(of));
      case 'bigint':
        return BigInt(count(of, 2 ** 53)) ** 2n;
      case 'function':
        return () => this.make(of);
      case 'bare':
        return Object.assign(Object.create(null), this.make(of));
      case 'boxed':
        return Object(typeof of === 'object' ? 'x' : of);
      case 'proxy':
        return this.proxy(of);
      case 'getters':
        return this.getters(of, does);
      case 'object':
        return this.converting(is ?? of, does);
      case 'holes': {
        const list: unknown[] = [];
        list.length = count(of, 2 ** 32 - 1);
        return list;
      }
      case 'repeat':
        return text(of).repeat(Math.ceil(count(is, longest) / Math.max(1, text(of).length)));
      case 'buffer':
        return new ArrayBuffer(count(of, longest));
      case 'view':
        return new DataView(new ArrayBuffer(count(of, longest)));
      case 'date':
        return new Date(count(of, 2 ** 40));
      default:
        return undefined;
    }
  }

  private array(
    Made: new (from: ArrayBufferLike, start?: number, size?: number) => Sized,
    of: unknown,
    memory: unknown,
  ): Sized {
    const items = Array.isArray(of) ? of.slice(0, longest) : null;
    const size = items?.length ?? count(of, longest);
    const width = (Made as unknown as { BYTES_PER_ELEMENT: number }).BYTES_PER_ELEMENT;
    const start = memory === 'inside' ? width : 0;
    const bytes = size * width + 2 * start;
    let array: Sized;
    if (memory === 'shared') {
      array = new Made(new SharedArrayBuffer(bytes));
    } else {
      const resizable = memory === 'resizable' || memory === 'shrunk';
      const buffer = resizable
        ? new ResizableBuffer(bytes, { maxByteLength: 2 * bytes + 16 })
        : (new ArrayBuffer(bytes) as Resizable);
      this.buffers.push(buffer);
      // One of a resizable buffer follows its length, or is out of bounds where it was cut.
      array = memory === 'resizable' ? new Made(buffer) : new Made(buffer, start, size);
    }
    items?.forEach((item, i) => {
      array[i] = Number(typeof item === 'object' ? Number.NaN : item);
    });
    if (memory === 'shrunk') (array.buffer as Resizable).resize?.(Math.floor(bytes / 2));
    if (memory === 'detached')
      structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
    return array;
  }

  /** A class for every code point, of which a few are given. */
  private classes(of: unknown): Uint8Array {
    const array = new Uint8Array(wide);
    if (Array.isArray(of)) array.set(of.slice(0, 1 << 10).map(Number), 0x60);
    return array;
  }

  private proxy(of: unknown): unknown {
    const target = this.make(of);
    return typeof target === 'object' && target !== null ? new Proxy(target, {}) : target;
  }

  /** An object, or list, whose values are found when they are asked for. */
  private getters(of: unknown, does: unknown): unknown {
    const object = Array.isArray(of) ? [] : {};
    for (const [key, value] of Object.entries(typeof of === 'object' && of !== null ? of : {})) {
      const made = this.make(value);
      const get = () => {
        this.deed(text(does));
        return made;
      };
      Object.defineProperty(object, key, { get, enumerable: true, configurable: true });
    }
    return object;
  }

  /** An object that is asked what number, or text, it is. */
  private converting(of: unknown, does: unknown): object {
    const answer = () => {
      this.deed(text(does));
      return typeof of === 'object' ? 'x' : of;
    };
    return { valueOf: answer, toString: answer };
  }
}
