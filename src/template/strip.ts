import { TemplateRefusal } from './refusal.ts';

/**
 * The template engine ignores the argument of strip, lstrip and rstrip and takes all white space;
 * Python takes the characters given. Calls with an argument become calls of these globals.
 */
export const stripGlobals: Record<string, (text: unknown, characters: unknown) => string> = {
  attune_strip: (text, characters) => strip(text, characters, true, true),
  attune_lstrip: (text, characters) => strip(text, characters, true, false),
  attune_rstrip: (text, characters) => strip(text, characters, false, true),
};

/** Rewrites the calls in a parsed template, in place. */
export function rewriteStrips(node: unknown): void {
  if (typeof node !== 'object' || node === null) return;
  if (isStripCall(node)) {
    const { object, property } = node.callee;
    node.args.unshift(object);
    node.callee = { type: 'Identifier', value: `attune_${property.value}` } as never;
  }
  const children = node instanceof Map ? [...node].flat() : Object.values(node);
  for (const child of children) rewriteStrips(child);
}

interface StripCall {
  callee: { object: unknown; property: { value: string } };
  args: unknown[];
}

function isStripCall(node: object): node is StripCall {
  const { type, callee, args } = node as { type?: string; callee?: Callee; args?: unknown[] };
  return (
    type === 'CallExpression' &&
    callee?.type === 'MemberExpression' &&
    callee.computed === false &&
    /^[lr]?strip$/.test(callee.property?.value ?? '') &&
    args?.length === 1
  );
}

interface Callee {
  type?: string;
  computed?: boolean;
  property?: { value?: string };
}

function strip(text: unknown, characters: unknown, left: boolean, right: boolean): string {
  if (typeof text !== 'string') throw new TemplateRefusal('strip() of what is not a string');
  if (typeof characters !== 'string') return trim(text, left, right);
  const points = [...text];
  const set = new Set(characters);
  let start = 0;
  let end = points.length;
  while (left && start < end && set.has(points[start] ?? '')) start++;
  while (right && end > start && set.has(points[end - 1] ?? '')) end--;
  return points.slice(start, end).join('');
}

function trim(text: string, left: boolean, right: boolean): string {
  const started = left ? text.trimStart() : text;
  return right ? started.trimEnd() : started;
}
