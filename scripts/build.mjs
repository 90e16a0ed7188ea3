// TypeScript to dist/, with the tokenizer core of @xenova/transformers bundled into one module.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { bundlePage, pageNames } from './pages.mjs';

const require = createRequire(import.meta.url);
rmSync('dist', { recursive: true, force: true });
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
copyFileSync('src/native/addon.d.ts', 'dist/native/addon.d.ts');

const absent =
  'data:text/javascript,export default {}; export const InferenceSession = {}; export const Tensor = {}; export const env = { wasm: {} };';
await build({
  entryPoints: ['src/tokenizer/xenova.ts'],
  outfile: 'dist/tokenizer/xenova.js',
  bundle: true,
  platform: 'node',
  format: 'esm',
  minify: true,
  legalComments: 'linked',
  external: ['@huggingface/jinja'],
  plugins: [
    {
      name: 'no-inference-runtime',
      setup(builder) {
        builder.onResolve({ filter: /^(onnxruntime-|sharp)/ }, (args) => ({
          path: args.path,
          namespace: 'absent',
        }));
        builder.onLoad({ filter: /.*/, namespace: 'absent' }, () => ({
          contents: decodeURIComponent(absent.slice(absent.indexOf(',') + 1)),
        }));
      },
    },
  ],
  logLevel: 'warning',
});
copyFileSync(
  join(dirname(require.resolve('@xenova/transformers/package.json')), 'LICENSE'),
  'dist/tokenizer/xenova.LICENSE',
);
// Pages are written by the built package alone: their programs lie ready in it.
mkdirSync('dist/page/client', { recursive: true });
for (const name of pageNames) {
  const { script, style } = await bundlePage(name);
  writeFileSync(`dist/page/client/${name}.js`, script);
  writeFileSync(`dist/page/client/${name}.css`, style);
}
chmodSync('dist/cli.js', 0o755);
