import { escapePattern } from './pattern.ts';
import type { AddedToken } from './special.ts';

/** A stretch of text: one added token, or (token null) text for the model. */
export interface Section {
  start: number;
  end: number;
  token: AddedToken | null;
}

/**
 * Finds added tokens in text as Hugging Face's AddedVocabulary does: leftmost, longest first;
 * single-word tokens only between non-word characters; lstrip and rstrip take white space along.
 */
export class AddedTokenFinder {
  private readonly pattern: RegExp | null;
  private readonly byContent: ReadonlyMap<string, AddedToken>;

  constructor(tokens: readonly AddedToken[], normalize: (text: string) => string) {
    const forms = tokens.map((token): [string, AddedToken] => [normalize(token.content), token]);
    this.byContent = new Map(forms);
    const longestFirst = [...this.byContent.keys()].sort((a, b) => b.length - a.length);
    this.pattern =
      longestFirst.length === 0
        ? null
        : new RegExp(longestFirst.map(escapePattern).join('|'), 'gu');
  }

  /** Sections of `text` in order, covering it. An empty text has none. */
  split(text: string): Section[] {
    if (text === '') return [];
    if (this.pattern === null) return [{ start: 0, end: text.length, token: null }];
    const sections: Section[] = [];
    let done = 0;
    for (const match of text.matchAll(this.pattern)) {
      const token = this.byContent.get(match[0]);
      if (token === undefined) continue;
      let start = match.index;
      let end = start + match[0].length;
      if (token.singleWord && touchesWord(text, start, end)) continue;
      if (token.leftStrip) start = Math.max(done, spaceBefore(text, start));
      if (token.rightStrip) end = spaceAfter(text, end);
      if (done < start) sections.push({ start: done, end: start, token: null });
      sections.push({ start, end, token });
      done = end;
    }
    if (done < text.length) sections.push({ start: done, end: text.length, token: null });
    return sections;
  }
}

function touchesWord(text: string, start: number, end: number): boolean {
  const word = /[\p{L}\p{M}\p{Nd}\p{Pc}]/u;
  return word.test(lastCharacter(text, start)) || word.test(firstCharacter(text, end));
}

function lastCharacter(text: string, end: number): string {
  return [...text.slice(Math.max(0, end - 2), end)].at(-1) ?? '';
}

function firstCharacter(text: string, start: number): string {
  return [...text.slice(start, start + 2)][0] ?? '';
}

function spaceBefore(text: string, end: number): number {
  let start = end;
  while (start > 0 && /\p{White_Space}/u.test(text[start - 1] ?? '')) start--;
  return start;
}

function spaceAfter(text: string, start: number): number {
  let end = start;
  while (end < text.length && /\p{White_Space}/u.test(text[end] ?? '')) end++;
  return end;
}
