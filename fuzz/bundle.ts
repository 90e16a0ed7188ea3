// The targets and what they run as one JavaScript file: a loader that translates TypeScript as it
// comes would cost more than most parsers, and files may be edited while a long run goes on.
import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** Where esbuild's output names the file that lines come from. */
export const fileComment = /^\/\/ ((?:src|fuzz)\/\S+)$/gm;

/** Writes the bundle and returns its path. */
export async function bundle(): Promise<string> {
  const root = join(import.meta.dirname, '..');
  const outfile = join(root, `.cache/fuzz/worker-${process.pid}.mjs`);
  process.on('exit', () => rmSync(outfile, { force: true }));
  await build({
    entryPoints: [join(import.meta.dirname, 'worker.ts')],
    absWorkingDir: root,
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
    plugins: [
      {
        name: 'own-place',
        setup(builder) {
          builder.onLoad({ filter: /\/(src|fuzz)\/.*\.ts$/ }, async ({ path }) => ({
            contents: (await readFile(path, 'utf8'))
              .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
              .replaceAll('import.meta.dirname', JSON.stringify(dirname(path))),
            loader: 'ts',
          }));
        },
      },
    ],
  });
  return outfile;
}
