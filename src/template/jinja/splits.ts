import { lineEnd, space } from './characters.ts';
import { fail } from './failure.ts';
import { empty, type Text } from './text.ts';
import { Tuple } from './values.ts';

/** Stretches between separators; `limit` below 0 is none. */
export function splitAt(self: Text, separator: string, limit: number): Text[] {
  if (separator === '') fail('empty separator');
  const parts: Text[] = [];
  let done = 0;
  let at = self.text.indexOf(separator);
  while (at >= 0 && (limit < 0 || parts.length < limit)) {
    parts.push(self.slice(done, at));
    done = at + separator.length;
    at = self.text.indexOf(separator, done);
  }
  return [...parts, self.slice(done)];
}

export function splitAtLast(self: Text, separator: string, limit: number): Text[] {
  if (separator === '') fail('empty separator');
  if (limit < 0) return splitAt(self, separator, limit);
  const parts: Text[] = [];
  let end = self.text.length;
  while (parts.length < limit && end >= separator.length) {
    const at = self.text.lastIndexOf(separator, end - separator.length);
    if (at < 0) break;
    parts.unshift(self.slice(at + separator.length, end));
    end = at;
  }
  return [self.slice(0, end), ...parts];
}

const words = new RegExp(`[^${space}]+`, 'g');

/** Stretches between white space; `limit` below 0 is none. */
export function splitWords(self: Text, limit: number, fromRight: boolean): Text[] {
  const found = [...self.text.matchAll(words)].map((match): [number, number] => [
    match.index,
    match.index + match[0].length,
  ]);
  if (limit >= 0 && found.length > limit) {
    const extra = found.length - limit;
    const joined = fromRight ? found.splice(0, extra) : found.splice(limit);
    const ends: [number, number] = [joined[0]?.[0] ?? 0, joined.at(-1)?.[1] ?? 0];
    const [start, end] = fromRight ? [0, ends[1]] : [ends[0], self.text.length];
    if (fromRight) found.unshift([start, end]);
    else found.push([start, end]);
  }
  return found.map(([start, end]) => self.slice(start, end));
}

const lineEnds = new RegExp(`\r\n|[${lineEnd}]`, 'g');

/** Python's str.splitlines. */
export function splitLines(self: Text, keepEnds = false): Text[] {
  const lines: Text[] = [];
  let done = 0;
  for (const match of self.text.matchAll(lineEnds)) {
    const end = match.index + match[0].length;
    lines.push(self.slice(done, keepEnds ? end : match.index));
    done = end;
  }
  if (done < self.text.length) lines.push(self.slice(done));
  return lines;
}

/** Python's str.partition and rpartition. */
export function partition(self: Text, separator: string, last: boolean): Tuple {
  if (separator === '') fail('empty separator');
  const at = last ? self.text.lastIndexOf(separator) : self.text.indexOf(separator);
  if (at < 0) return new Tuple(last ? [empty, empty, self] : [self, empty, empty]);
  const end = at + separator.length;
  return new Tuple([self.slice(0, at), self.slice(at, end), self.slice(end)]);
}
