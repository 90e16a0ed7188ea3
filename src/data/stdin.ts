import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Spool } from './spool.ts';

let copied: Promise<string> | null = null;

/** Path of a copy of standard input, which is read once; the copy lasts as long as the process. */
export function copyStandardInput(): Promise<string> {
  copied ??= copy();
  return copied;
}

async function copy(): Promise<string> {
  const path = new Spool().newFile('stdin');
  await pipeline(process.stdin, createWriteStream(path));
  return path;
}
