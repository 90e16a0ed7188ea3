import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

export interface SourceFile {
  /** Path from the project's root. */
  path: string;
  text: string;
}

/** Files below `folder` whose name ends in one of `endings`. Throws where there are none. */
export function filesBelow(folder: string, endings: readonly string[]): SourceFile[] {
  const files = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, 'utf8') }));
  if (files.length === 0) throw new Error(`no ${endings.join(', ')} below ${folder}`);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Comments and strings blanked out, so that prose breaks no rule. */
export function code(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, ' ')
    .replace(/\/\/.*$/gm, ' ')
    .replace(/"(?:[^"\\\n]|\\.)*"/g, '""');
}
