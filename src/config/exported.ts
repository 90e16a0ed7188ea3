import * as v from 'valibot';
import type { Kind } from './kinds.ts';

/** A function that makes rows, as it may be given: itself, or the module that exports it. */
export type ExportedInput =
  | string
  | URL
  | { readonly module: string | URL; readonly export?: string }
  // biome-ignore lint/suspicious/noExplicitAny: a row of a file may be anything
  | ((row: any) => unknown);

const text = v.pipe(v.string(), v.nonEmpty());
const place = v.union([text, v.instance(URL)]);
const isExpression = /^(?:async\b\s*)?(?:function\b|\(|[\w$]+\s*=>)/;

/**
 * A module that exports a function, as `path#name`. A function becomes a module of its text: threads
 * import it, and share no variables.
 */
export const exported: Kind<string> = {
  expected:
    'a module with the name of its export ("./format.mjs#toRow", or {module, export}), or a function ' +
    'of its own text',
  check: v.pipe(
    v.union([
      place,
      v.strictObject({ module: place, export: v.optional(text, 'default') }),
      v.pipe(
        v.function(),
        v.check((run) => !/\{\s*\[native code\]\s*\}\s*$/.test(String(run))),
      ),
    ]),
    v.transform((value) => {
      if (typeof value === 'function') return moduleOf(String(value));
      if (typeof value === 'string' || value instanceof URL) return String(value);
      return `${value.module}#${value.export}`;
    }),
  ),
  fromText: (given) => given,
};

/** Compilers that keep the names of functions wrap those inside of it in __name. */
function moduleOf(source: string): string {
  const made = isExpression.test(source) ? `(${source})` : `Object.values({${source}})[0]`;
  const module = `const __name = (run) => run; export default ${made};`;
  return `data:text/javascript,${encodeURIComponent(module)}`;
}
