/** Characters that change the direction of text around them, or cannot be seen, by short names. */
const NAMES: Readonly<Record<number, string>> = {
  127: 'DEL',
  133: 'NEL',
  173: 'SHY',
  1564: 'ALM',
  6158: 'MVS',
  8203: 'ZWSP',
  8204: 'ZWNJ',
  8205: 'ZWJ',
  8206: 'LRM',
  8207: 'RLM',
  8232: 'LS',
  8233: 'PS',
  8234: 'LRE',
  8235: 'RLE',
  8236: 'PDF',
  8237: 'LRO',
  8238: 'RLO',
  8288: 'WJ',
  8294: 'LRI',
  8295: 'RLI',
  8296: 'FSI',
  8297: 'PDI',
  65279: 'BOM',
  65533: 'U+FFFD',
};

/** A piece of text to show: as it is, or a character that would not be seen, by its name. */
export interface VisiblePiece {
  text: string;
  isName: boolean;
}

/** Controls but tab and line feed, marks of direction, and whatever else has no width. */
const hidden =
  /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\ufffd]/gu;
/** Joiners, and the selectors of text and emoji style. */
const shaping = ['\u200c', '\u200d', '\ufe0e', '\ufe0f'];
const shaped = /[\p{L}\p{M}\p{Emoji}\p{Extended_Pictographic}]$/u;

/**
 * Parts of a text, hidden characters apart, by name. Joiners and variation selectors that follow
 * a character which they shape (emoji, Indic and Arabic scripts) are left in place.
 */
export function visiblePieces(text: string): VisiblePiece[] {
  const pieces: VisiblePiece[] = [];
  let done = 0;
  for (const { 0: character, index } of text.matchAll(hidden)) {
    if (shapes(character, text, index)) continue;
    if (index > done) pieces.push({ text: text.slice(done, index), isName: false });
    pieces.push({ text: nameOf(character), isName: true });
    done = index + character.length;
  }
  if (done < text.length) pieces.push({ text: text.slice(done), isName: false });
  return pieces;
}

/** The same as one text: names stand in brackets. */
export function visibleText(text: string): string {
  return visiblePieces(text)
    .map((piece) => (piece.isName ? `[${piece.text}]` : piece.text))
    .join('');
}

function shapes(character: string, text: string, index: number): boolean {
  return shaping.includes(character) && shaped.test(text.slice(Math.max(0, index - 2), index));
}

function nameOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return NAMES[code] ?? `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}
