import type { AddedToken } from './special.ts';

/** A stretch of text: one added token, or (token null) text for the model. */
export interface Section {
  start: number;
  end: number;
  token: AddedToken | null;
}

/** Whether a token may not be taken at [start, end). */
export type Refusal = (token: AddedToken, start: number, end: number) => boolean;

/**
 * Finds added tokens in text as Hugging Face's AddedVocabulary does: leftmost, longest first;
 * single-word tokens only between non-word characters; lstrip and rstrip take white space along.
 */
export class AddedTokenFinder {
  private readonly pattern: RegExp | null;
  private readonly byContent: ReadonlyMap<string, AddedToken>;
  private readonly longestFirst: readonly string[];

  constructor(tokens: readonly AddedToken[], normalize: (text: string) => string) {
    const forms = tokens.map((token): [string, AddedToken] => [normalize(token.content), token]);
    this.byContent = new Map(forms);
    this.longestFirst = [...this.byContent.keys()].sort((a, b) => b.length - a.length);
    this.pattern =
      this.longestFirst.length === 0
        ? null
        : new RegExp(this.longestFirst.map(escapePattern).join('|'), 'gu');
  }

  /** Sections of `text` in order, covering it; what `refuses` stays text. An empty text has none. */
  *split(text: string, refuses: Refusal | null = null): Generator<Section> {
    if (text === '') return;
    if (this.pattern === null) return yield { start: 0, end: text.length, token: null };
    let done = 0;
    for (const { start: at, content } of this.found(text, refuses)) {
      const token = this.byContent.get(content) as AddedToken;
      let start = at;
      let end = start + content.length;
      if (token.singleWord && touchesWord(text, start, end)) continue;
      if (token.leftStrip) start = Math.max(done, spaceBefore(text, start));
      if (token.rightStrip) end = spaceAfter(text, end);
      if (done < start) yield { start: done, end: start, token: null };
      yield { start, end, token };
      done = end;
    }
    if (done < text.length) yield { start: done, end: text.length, token: null };
  }

  /** Where tokens stand, leftmost and longest first, without those that are refused. */
  private *found(
    text: string,
    refuses: Refusal | null,
  ): Generator<{ start: number; content: string }> {
    const pattern = new RegExp(this.pattern as RegExp);
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      const start = match.index;
      const allowed = (content: string): boolean =>
        !refuses?.(this.byContent.get(content) as AddedToken, start, start + content.length);
      const content = allowed(match[0])
        ? match[0]
        : this.longestFirst.find((other) => text.startsWith(other, start) && allowed(other));
      pattern.lastIndex = start + (content?.length ?? 1);
      if (content !== undefined) yield { start, content };
    }
  }
}

/** A pattern that matches `text` itself. */
function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, (character) =>
    character === '-' ? '\\x2d' : `\\${character}`,
  );
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
