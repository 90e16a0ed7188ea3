import type { Random } from './random.ts';
import type { Target } from './target.ts';

const largest = 1 << 16;

const interesting = [0, 1, 0x0a, 0x20, 0x22, 0x2c, 0x5c, 0x7b, 0x7d, 0x7f, 0x80, 0xc0, 0xed, 0xff];
const numbers = [
  '0', '-0', '-1', '1e308', '1e309', '0.1', '4294967296', '9007199254740991', '9007199254740993',
  '18446744073709551615', '-9223372036854775808', '1e-400',
]; // biome-ignore format: a table

const strange: readonly unknown[] = [
  null, true, false, '', 0, -1, 1.5, 1e21, 2 ** 53, -(2 ** 31), [], {}, [[]], 'constructor',
  '__proto__', '\u0000', '\ud800', '../../etc/passwd', 'a'.repeat(300), '<|im_end|>', 'F32',
  Number.MAX_SAFE_INTEGER,
]; // biome-ignore format: a table

/** Inputs to make others of. */
export interface Corpus {
  accepted: Uint8Array[];
  refused: Uint8Array[];
}

/** Makes new inputs of old ones: bytes, words and numbers changed, or values where they are JSON. */
export class Mutator {
  constructor(
    private readonly random: Random,
    private readonly target: Pick<Target, 'words' | 'json' | 'frame' | 'repair' | 'places'>,
    private readonly corpus: Corpus,
  ) {}

  next(): Uint8Array {
    const { random, target } = this;
    const old = this.old();
    let bytes = old;
    // Bytes of JSON that are changed are mostly no JSON any more: that is seen by the first check.
    const whole = random.below(4) === 0;
    if (target.json && !whole) bytes = this.changeJson(old);
    else if (target.frame && !whole)
      bytes = target.frame.close(this.changeJson(target.frame.open(old)), old);
    else if (target.places && !whole)
      for (let times = 1 + random.below(3); times > 0; times--) bytes = this.overwrite(bytes);
    else for (let times = 1 + random.below(4); times > 0; times--) bytes = this.changeBytes(bytes);
    return bytes.length > largest ? bytes.subarray(0, largest) : bytes;
  }

  /** Mostly one that was accepted: of one that was refused nearly all others are refused too. */
  private old(): Uint8Array {
    const { accepted, refused } = this.corpus;
    const bad = refused.length > 0 && this.random.below(4) === 0;
    return this.random.of(bad ? refused : accepted);
  }

  private changeJson(bytes: Uint8Array): Uint8Array {
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(bytes).toString());
    } catch {
      return this.changeBytes(bytes);
    }
    for (let times = 1 + this.random.below(2); times > 0; times--) value = this.changeValue(value);
    const { repair } = this.target;
    if (repair && this.random.below(3) > 0) repair(value);
    return Buffer.from(JSON.stringify(value));
  }

  /** The bytes with a few of them changed, as many as before. */
  private overwrite(bytes: Uint8Array): Uint8Array {
    const { random } = this;
    const copy = bytes.slice();
    if (copy.length === 0) return copy;
    const at = random.below(copy.length);
    switch (random.below(6)) {
      case 0:
        copy[at]! ^= 1 << random.below(8);
        break;
      case 1:
        copy[at] = random.of(interesting);
        break;
      case 2:
        copy[at]! += random.below(9) - 4;
        break;
      case 3: {
        const from = random.below(copy.length);
        copy.copyWithin(at, from, from + 1 + random.below(8));
        break;
      }
      case 4: {
        const other = this.old().subarray(at, at + 1 + random.below(16));
        copy.set(other.subarray(0, copy.length - at), at);
        break;
      }
      default:
        copy[at] = random.below(256);
    }
    return copy;
  }

  private changeBytes(bytes: Uint8Array): Uint8Array {
    const { random } = this;
    const at = random.below(bytes.length + 1);
    const length = Math.min(bytes.length - at, 1 + random.below(random.below(4) === 0 ? 64 : 4));
    switch (random.below(9)) {
      case 0: {
        const copy = bytes.slice();
        if (copy.length > 0) copy[at % copy.length]! ^= 1 << random.below(8);
        return copy;
      }
      case 1:
        return splice(bytes, at, length, Uint8Array.of(random.of(interesting)));
      case 2:
        return splice(bytes, at, length, new Uint8Array(0));
      case 3:
        return splice(bytes, at, 0, bytes.subarray(at, at + length));
      case 4:
        return splice(bytes, at, random.below(2) * length, Buffer.from(random.of(this.words)));
      case 5:
        return splice(bytes, at, length, Buffer.from(random.of(numbers)));
      case 6: {
        const other = this.old();
        const from = random.below(other.length + 1);
        return splice(bytes, at, length, other.subarray(from, from + random.below(128)));
      }
      case 7:
        return bytes.subarray(0, at);
      default:
        return splice(bytes, at, Math.min(length, 1), Uint8Array.of(random.below(256)));
    }
  }

  private strange(): unknown {
    const value = this.random.of(strange);
    return typeof value === 'object' ? structuredClone(value) : value;
  }

  private get words(): readonly string[] {
    return this.target.words.length > 0 ? this.target.words : numbers;
  }

  /** The value with one value, key or item in it changed. */
  private changeValue(value: unknown): unknown {
    const places: [Record<string, unknown>, string][] = [];
    collect(value, places);
    if (places.length === 0) return this.strange();
    const [parent, key] = this.random.of(places);
    const { random } = this;
    switch (random.below(10)) {
      case 0:
        if (Array.isArray(parent)) parent.splice(Number(key), 1);
        else delete parent[key];
        break;
      case 1:
        if (Array.isArray(parent)) parent.push(parent[Number(key)]);
        else define(parent, random.of(this.words), parent[key]);
        break;
      case 2: {
        const [other, otherKey] = random.of(places);
        define(parent, key, structuredClone(other[otherKey]));
        break;
      }
      case 3:
        define(parent, key, random.of(this.words));
        break;
      case 4:
        define(
          parent,
          key,
          Array.from({ length: random.below(3) }, () => this.strange()),
        );
        break;
      case 5:
        define(parent, key, random.below(16));
        break;
      case 6:
        define(parent, key, this.strange());
        break;
      default:
        define(parent, key, this.alike(parent[key]));
    }
    return value;
  }

  /** Another value of the same type: it is seen by what lies behind the check of types. */
  private alike(value: unknown): unknown {
    const { random } = this;
    switch (typeof value) {
      case 'number':
        return random.of([value + 1, value - 1, 2 * value, value / 2, -value, random.below(300)]);
      case 'boolean':
        return !value;
      case 'string':
        return Buffer.from(this.changeBytes(Buffer.from(value))).toString();
      default:
        return this.strange();
    }
  }
}

function collect(value: unknown, places: [Record<string, unknown>, string][]): void {
  if (typeof value !== 'object' || value === null) return;
  for (const key of Object.keys(value)) {
    places.push([value as Record<string, unknown>, key]);
    if (places.length > 400) return;
    collect((value as Record<string, unknown>)[key], places);
  }
}

function define(object: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(object, key, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
}

function splice(bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length - removed + added.length);
  result.set(bytes.subarray(0, at));
  result.set(added, at);
  result.set(bytes.subarray(at + removed), at + added.length);
  return result;
}
