/** Names that lead elsewhere, or look as if they did. */
import { relative } from 'node:path';

/** Ways to write a separator, two dots, and what stands around a path: by the rules of any system. */
const SEPARATORS = ['/', '\\', '//', '/./', '\u2215', '\uff0f', '%2f', '/\u200b', '\\/', '/x/../'];
const PARENTS = [
  '..',
  '..',
  '..',
  '\u2025',
  '\uff0e\uff0e',
  '.\u200b.',
  '%2e%2e',
  '.. ',
  '...',
  '..\0',
];
const AROUND: ((path: string) => string)[] = [
  (path) => path,
  (path) => path,
  (path) => `./${path}`,
  (path) => `/${path}`,
  (path) => `~/${path}`,
  (path) => `file://${path}`,
  (path) => `C:${path}`,
  (path) => `\\\\?\\${path}`,
  (path) => `${path}\0`,
  (path) => `\0${path}`,
  (path) => `${path}.`,
  (path) => `\u202e${path}`,
  (path) => `${'x/../'.repeat(900)}${path}`,
  (path) => `${'y'.repeat(300)}/../${path}`,
];
const PLAIN = [
  '',
  '.',
  '..',
  '/',
  ' ',
  '\0',
  '\n',
  'CON',
  'nul.txt',
  'C:x',
  'a\\b',
  '-rf',
  '$HOME',
  '`id`',
  '__proto__',
  'constructor',
  'MODEL',
  'Model',
  'mode\u0301l',
  'm\u043edel',
  'x'.repeat(255),
  'x'.repeat(4096),
  '\ud800',
  '\u{1f600}',
];

/**
 * A hostile name that ends with `ending`, by `next`: most would lead from `folder` to `target`, if the way
 * that they are written meant what it looks like.
 */
export function hostileName(
  folder: string,
  target: string,
  ending: string,
  next: () => number,
): string {
  const any = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;
  const kind = next();
  if (kind < 0.15) return any(PLAIN) + (next() < 0.7 ? ending : '');
  if (kind < 0.25) return any(AROUND)(target);
  const [separator, parent] = [any(SEPARATORS), any(PARENTS)];
  const parts = relative(folder, target).split('/');
  const path = parts.map((part) => (part === '..' ? parent : part)).join(separator);
  return kind < 0.5 ? relative(folder, target) : any(AROUND)(path);
}
