import { countPoints, hasSurrogates, pointOffset } from './characters.ts';
import { fail } from './failure.ts';
import { integerOf } from './numbers.ts';
import { joinTexts, Text } from './text.ts';
import {
  Dict,
  DictView,
  Lazy,
  List,
  Range,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

/** Items of a value as a Python loop sees them, or null where it is not iterable. */
export function iterate(value: Value): Iterable<Value> | null {
  if (value instanceof List || value instanceof Tuple) return value.items;
  if (value instanceof Dict) return value.keys();
  if (value instanceof DictView || value instanceof Lazy) return value;
  if (value instanceof Text) return characters(value);
  if (value instanceof Range) return numbers(value);
  return value instanceof Undefined ? [] : null;
}

/** Items of a value. Throws where it is not iterable. */
export function itemsOf(value: Value): Iterable<Value> {
  return iterate(value) ?? fail(`'${typeName(value)}' object is not iterable`);
}

function* characters(value: Text): Generator<Text> {
  let at = 0;
  for (const character of value.text) {
    yield value.slice(at, at + character.length);
    at += character.length;
  }
}

function* numbers({ start, step, length }: Range): Generator<number> {
  for (let i = 0; i < length; i++) yield start + i * step;
}

/** Python's len(value), or null where it has none. */
export function lengthOf(value: Value): number | null {
  if (value instanceof Text) return countPoints(value.text);
  if (value instanceof List || value instanceof Tuple) return value.items.length;
  if (value instanceof Dict) return value.size;
  if (value instanceof DictView) return value.dict.size;
  if (value instanceof Range) return value.length;
  return value instanceof Undefined ? 0 : null;
}

/** Bounds of a slice; null is left out. */
export type Bounds = readonly [Value, Value, Value];

/** value[start:stop:step] of a sequence, or undefined where the value has no slices. */
export function sliceOf(value: Value, bounds: Bounds): Value | undefined {
  const length = lengthOf(value);
  if (value instanceof Dict || value instanceof DictView || length === null) return undefined;
  if (value instanceof Undefined) return undefined;
  const [start, stop, step] = resolve(bounds, length);
  if (value instanceof Range) {
    const at = (index: number): number => value.start + index * value.step;
    return new Range(at(start), at(stop), value.step * step);
  }
  if (value instanceof Text && step === 1) {
    return value.slice(
      pointOffset(value.text, start),
      pointOffset(value.text, Math.max(start, stop)),
    );
  }
  const items = value instanceof Text ? [...characters(value)] : (value as List | Tuple).items;
  const picked: Value[] = [];
  for (let i = start; step > 0 ? i < stop : i > stop; i += step) picked.push(items[i] as Value);
  if (value instanceof Text) return joinTexts(picked as Text[]);
  return value instanceof List ? new List(picked) : new Tuple(picked);
}

/** Python's slice.indices(length). */
function resolve(bounds: Bounds, length: number): [number, number, number] {
  const [start, stop, step] = bounds.map((bound) =>
    bound === null ? null : integerOf(bound, 'a slice'),
  ) as [number | null, number | null, number | null];
  const by = step ?? 1;
  if (by === 0) fail('slice step cannot be zero');
  const [low, high] = by > 0 ? [0, length] : [-1, length - 1];
  const place = (bound: number | null, fallback: number): number => {
    if (bound === null) return fallback;
    return Math.min(Math.max(bound < 0 ? bound + length : bound, low), high);
  };
  return [place(start, by > 0 ? low : high), place(stop, by > 0 ? high : low), by];
}

/** value[index] of a sequence, or undefined where there is none. */
export function itemAt(value: Text | List | Tuple | Range, index: number): Value | undefined {
  const length = lengthOf(value) as number;
  const at = index < 0 ? index + length : index;
  if (at < 0 || at >= length) return undefined;
  if (value instanceof Range) return value.start + at * value.step;
  if (!(value instanceof Text)) return value.items[at];
  if (!hasSurrogates(value.text)) return value.slice(at, at + 1);
  return value.slice(pointOffset(value.text, at), pointOffset(value.text, at + 1));
}
