// The targets and what they run as JavaScript, a file each: a loader that translates TypeScript as it
// comes would cost more than most parsers, and files may be edited while a long run goes on. A worker
// loads the files of its target alone: where workers end often, to start is most of the time.
import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** Writes the files and returns the path of the worker's. */
export async function bundle(): Promise<string> {
  const root = join(import.meta.dirname, '..');
  const outdir = join(root, `.cache/fuzz/worker-${process.pid}`);
  process.on('exit', () => rmSync(outdir, { recursive: true, force: true }));
  await build({
    entryPoints: [join(import.meta.dirname, 'worker.ts')],
    absWorkingDir: root,
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
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
  return join(outdir, 'worker.mjs');
}
