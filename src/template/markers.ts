import { AttuneError } from '../errors.ts';
import type { Rendered } from './chat.ts';

/** Noncharacters that stand at the start and end of assistant text while a template is rendered. */
export const openMark = '\ufdd0';
export const closeMark = '\ufdd1';

const tag = /\{%(-?)\s*(end)?generation\s*(-?)%\}/;

export function hasMarkers(source: string): boolean {
  return tag.test(source);
}

/**
 * Replaces the {% generation %} tags, which the template engine drops, by expressions that print
 * the marks, with the white space control of a block tag (trim_blocks, lstrip_blocks, hyphens).
 */
export function markTemplate(source: string): string {
  const whole = new RegExp(`(^[ \\t]*)?${tag.source}(\\n)?`, 'gm');
  return source.replace(
    whole,
    (_, _indent, left: string, end: string | undefined, right: string) => {
      const mark = end === undefined ? openMark : closeMark;
      return `{{${left} '${mark}' ${right}}}`;
    },
  );
}

/** Takes the marks out of rendered text. Throws `template` where they do not pair up. */
export function cutMarks(marked: string): Rendered {
  const spans: [number, number][] = [];
  let text = '';
  let open = -1;
  for (const part of marked.split(/([\ufdd0\ufdd1])/)) {
    const unpaired = part === openMark ? open >= 0 : part === closeMark && open < 0;
    if (unpaired) throw new AttuneError('template', '{% generation %} blocks are not paired');
    if (part === openMark) {
      open = text.length;
    } else if (part === closeMark) {
      if (text.length > open) spans.push([open, text.length]);
      open = -1;
    } else {
      text += part;
    }
  }
  if (open >= 0) throw new AttuneError('template', '{% generation %} blocks are not paired');
  return { text, spans };
}
