/**
 * Translates the regular expressions of tokenizer.json (Oniguruma) into JavaScript's with the same
 * matches. What they disagree on: \s (U+0085 is white space there and U+FEFF is not), \d and \w
 * (Unicode there), (?i:…), script names, nested classes, and escapes that the u flag forbids.
 */
export function translatePattern(source: string): RegExp {
  return new RegExp(translate(expandCaseless(source)), 'gu');
}

const scripts = /^(?:Han|Hiragana|Katakana|Hangul|Latin|Greek|Cyrillic|Arabic|Hebrew|Thai)$/;
const classes: Record<string, string> = {
  s: '\\p{White_Space}',
  S: '\\P{White_Space}',
  d: '\\p{Nd}',
  D: '\\P{Nd}',
};

/** Case folding of Unicode gives two ASCII letters a third form. */
function bothCases(letter: string): string {
  const third = { s: '\u017f', k: '\u212a' }[letter.toLowerCase()] ?? '';
  return `[${letter.toLowerCase()}${letter.toUpperCase()}${third}]`;
}

function expandCaseless(source: string): string {
  return source.replace(/\(\?i:([^()[\]\\]*)\)/g, (_, body: string) => {
    return `(?:${body.replace(/[a-zA-Z]/g, bothCases)})`;
  });
}

function translate(source: string): string {
  let result = '';
  let depth = 0;
  for (let i = 0; i < source.length; i++) {
    const character = source[i] ?? '';
    if (character === '\\') {
      const [text, length] = translateEscape(source, i, depth > 0);
      result += text;
      i += length - 1;
    } else if (character === '[') {
      if (depth > 0 && /^\[[\^:]/.test(source.slice(i))) throw new Error('nested class');
      if (depth++ === 0) result += '[';
    } else if (character === ']' && depth > 0) {
      if (--depth === 0) result += ']';
    } else {
      if (depth > 0 && source.startsWith('&&', i)) throw new Error('class intersection');
      result += character;
    }
  }
  return result;
}

/** The translation of the escape at `at`, and how many characters of the source it takes. */
function translateEscape(source: string, at: number, inClass: boolean): [string, number] {
  const letter = source[at + 1] ?? '';
  const known = classes[letter];
  if (known !== undefined) return [known, 2];
  if (letter === 'w') {
    const word = '\\p{L}\\p{M}\\p{Nd}\\p{Pc}';
    return [inClass ? word : `[${word}]`, 2];
  }
  const property = /^\\([pP])\{(\^?)([A-Za-z_]+)\}/.exec(source.slice(at));
  if (property) {
    const [all, kind = 'p', negated, name = ''] = property;
    const side = negated ? (kind === 'p' ? 'P' : 'p') : kind;
    return [`\\${side}{${scripts.test(name) ? `Script=${name}` : name}}`, all.length];
  }
  if (letter === '-' && !inClass) return ['-', 2];
  return /[\p{P}\p{S} ]/u.test(letter) && !/[\\^$.*+?()[\]{}|/-]/.test(letter)
    ? [letter, 2]
    : [`\\${letter}`, 2];
}
