import { categoryRuns, scriptRanges } from './unicode-data.ts';

/** A set of code points as [start, end) stretches in order: start, end, start, end … */
export type CharSet = readonly number[];

/** One more than the largest code point. */
export const codeLimit = 0x110000;

export function union(...sets: readonly CharSet[]): CharSet {
  const starts: [number, number][] = [];
  for (const set of sets) {
    for (let i = 0; i < set.length; i += 2) starts.push([set[i] as number, set[i + 1] as number]);
  }
  starts.sort(([a], [b]) => a - b);
  const merged: number[] = [];
  for (const [start, end] of starts) {
    if (start <= (merged.at(-1) ?? -1)) {
      merged[merged.length - 1] = Math.max(end, merged.at(-1) ?? 0);
    } else merged.push(start, end);
  }
  return merged;
}

export function complement(set: CharSet): CharSet {
  const edges = set[0] === 0 ? set.slice(1) : [0, ...set];
  return edges.at(-1) === codeLimit ? edges.slice(0, -1) : [...edges, codeLimit];
}

export function single(code: number): CharSet {
  return [code, code + 1];
}

/** White space of Unicode, which \s stands for. */
export function whiteSpace(): CharSet {
  return union([0x09, 0x0e, 0x85, 0x86], property('Z') ?? []);
}

/** Characters of a general category (`Lu`), of a group of them (`L`), of a script, or `Word`. */
export function property(name: string): CharSet | null {
  const known = cache.get(name);
  if (known !== undefined) return known;
  const set = /^[A-Z][a-z]?$/.test(name) ? categories(name) : decode(scriptRanges[name] ?? []);
  if (set.length === 0) return null;
  cache.set(name, set);
  return set;
}

const cache = new Map<string, CharSet>();

function categories(name: string): CharSet {
  const set: number[] = [];
  let at = 0;
  for (const [, category = '', length] of categoryRuns.matchAll(/([A-Z][a-z])([0-9a-z]*)/g)) {
    const end = at + (length === '' ? 1 : Number.parseInt(length as string, 36));
    if (category.startsWith(name)) {
      if (set.at(-1) === at) set[set.length - 1] = end;
      else set.push(at, end);
    }
    at = end;
  }
  return set;
}

/** Gaps and lengths in turn, in base 36. */
export function decode(lines: readonly string[]): CharSet {
  let at = 0;
  if (lines.length === 0) return [];
  return lines
    .join('')
    .split(' ')
    .map((step) => {
      at += Number.parseInt(step, 36);
      return at;
    });
}
