import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, resolve, sep } from 'node:path';
import { AttuneError, type ErrorCode } from './errors.ts';

/**
 * Whether a path that came from elsewhere (a listing, an index, a manifest) stays below the folder it is
 * put in, by the rules of every system: parts by `/`, none empty, `.` or `..`, longer than 255 bytes, or with
 * `\`, a drive, or what Windows drops or forbids.
 */
export function isPlainPath(path: string): boolean {
  return path.split('/').every((part) => {
    const isName = part !== '' && part !== '.' && part !== '..' && Buffer.byteLength(part) < 256;
    return isName && !/[\\:*?"<>|]|[. ]$|\p{Cc}/u.test(part);
  });
}

/** The same, of one part. */
export function isPlainName(name: string): boolean {
  return !name.includes('/') && isPlainPath(name);
}

/**
 * Throws where a file of a folder is a link that leads out of it to a file of another name: whoever
 * made the folder would choose what is read, and copied beside a result. A link to a file of its own
 * name, as people make who keep weights elsewhere, is followed, and where it leads is asked in turn. In
 * a snapshot of the hub's cache links lead to the blobs of the same repository. What is not there is for
 * its reader to say.
 */
export function requireInside(path: string, code: ErrorCode, folder = dirname(path)): void {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return;
  const real = realPath(path);
  if (real === null) return;
  const base = realPath(folder)!;
  const snapshot = /^(.*[/\\](?:models|datasets)--[^/\\]+)[/\\]snapshots[/\\]/.exec(
    `${base}${sep}`,
  );
  if (real.startsWith((snapshot?.[1] ?? base) + sep)) return;
  const target = resolve(realPath(dirname(path))!, readlinkSync(path));
  if (basename(target) === basename(path)) {
    requireInside(target, code);
    return;
  }
  throw new AttuneError(
    code,
    `${path}: is a link out of its folder to a file of another name, which is not followed; link to one of the same name, or put the file itself there`,
  );
}

function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
