// The programs of the pages, each with its style, as one text each: for the build, and from source.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const require = createRequire(import.meta.url);
const client = join(import.meta.dirname, '../src/page/client');
export const pageNames = ['data', 'run'];

/** Script and style of a page. */
export async function bundlePage(name) {
  const { outputFiles } = await build({
    entryPoints: [join(client, `${name}.ts`)],
    outdir: 'out',
    write: false,
    bundle: true,
    minify: true,
    charset: 'utf8',
    format: 'iife',
    target: 'es2022',
    legalComments: 'none',
    logLevel: 'warning',
  });
  const text = (extension) => outputFiles.find(({ path }) => path.endsWith(extension))?.text ?? '';
  const licence = name === 'run' ? `/*! uPlot\n${licenceOf('uplot')}*/\n` : '';
  // The end tag of the element that the text will stand in cannot be in it.
  return {
    script: licence + text('.js').replaceAll('</script', '<\\/script'),
    style: text('.css'),
  };
}

function licenceOf(name) {
  return readFileSync(join(dirname(require.resolve(`${name}/package.json`)), 'LICENSE'), 'utf8');
}
