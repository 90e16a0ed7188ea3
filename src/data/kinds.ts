import { dataError } from '../errors.ts';

const formats = ['jsonl', 'json', 'csv', 'parquet', 'txt'] as const;

/** How the rows of a file are written. */
export type Format = (typeof formats)[number];

/** What the name of a file says about it. */
export interface Kind {
  format: Format;
  gzip: boolean;
}

/** The kind of a file by its name, in any case; null for a name that is none of a data file. */
export function kindOf(name: string): Kind | null {
  const plain = name.toLowerCase();
  const gzip = plain.endsWith('.gz');
  const inner = gzip ? plain.slice(0, -3) : plain;
  const format = formats.find((each) => inner.endsWith(`.${each}`));
  return format === undefined ? null : { format, gzip };
}

/** Throws `data` for a name that is none of a data file. */
export function requireKind(name: string): Kind {
  const kind = kindOf(name);
  if (kind !== null) return kind;
  const packed = /\.(zst|bz2|xz|zip|tar|tgz|7z)$/i.exec(name)?.[1];
  const remedy = packed ? `unpack the .${packed.toLowerCase()} first; ` : '';
  const known = formats.map((format) => `.${format}`).join(', ');
  throw dataError(
    name,
    null,
    `not a kind of file that is read: ${remedy}known are ${known}, and each as .gz`,
  );
}
