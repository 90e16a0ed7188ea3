import { fail } from './failure.ts';
import type { Text } from './text.ts';

/** Characters whose title case is neither upper nor lower case. */
const digraphs = /[\u01c4-\u01cc\u01f1-\u01f3\u1f80-\u1fff\ufb00-\ufb17]/;

/** Upper case of the first letter alone, as Python's title case of one character. */
function titleCharacter(character: string): string {
  if (digraphs.test(character)) fail(`title case of ${character} is not supported`);
  const [first = '', ...rest] = character.toUpperCase();
  return first + rest.join('').toLowerCase();
}

/** str.capitalize() */
export function capitalize(text: Text): Text {
  return text.mapped((part) => {
    const [first = ''] = part;
    return titleCharacter(first) + part.slice(first.length).toLowerCase();
  });
}

/** str.title(): every letter that follows no letter is upper case, the others are lower case. */
export function titleCase(text: Text): Text {
  return text.mapped((part) =>
    part.replace(/[\p{Lowercase}\p{Uppercase}\p{Lt}]+/gu, (word) => {
      const [first = ''] = word;
      return titleCharacter(first) + word.slice(first.length).toLowerCase();
    }),
  );
}

/** The filter title: Jinja's own idea of words. */
export function titleWords(text: Text, space: string): Text {
  return text.mapped((part) =>
    part
      .split(new RegExp(`([-${space}({[<]+)`))
      .map((word) => {
        const [first = ''] = word;
        return first.toUpperCase() + word.slice(first.length).toLowerCase();
      })
      .join(''),
  );
}

/** str.islower() or str.isupper(): there are letters with case, and none of the other case. */
export function isCase(text: string, upper: boolean): boolean {
  const own = upper ? /\p{Uppercase}/u : /\p{Lowercase}/u;
  const other = upper ? /[\p{Lowercase}\p{Lt}]/u : /[\p{Uppercase}\p{Lt}]/u;
  return own.test(text) && !other.test(text);
}
