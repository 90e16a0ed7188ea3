import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { pageAssets } from './assets.ts';
import { type Columns, type DataPage, joinColumns } from './model.ts';
import type { RunPage } from './run.ts';

/**
 * A page of its own: nothing is loaded, and its policy lets nothing run but the program in it. Data
 * comes as text that is not markup: JSON without `<`, and gzip in base64.
 */
async function* page(
  kind: 'data' | 'run',
  title: string,
  model: object,
  before: Iterable<string>,
  after: Iterable<string>,
): AsyncGenerator<string> {
  const { script, style } = await pageAssets(kind);
  const policy = [
    `default-src 'none'`,
    `script-src ${digest(script)}`,
    `style-src ${digest(style)}`,
    `base-uri 'none'`,
    `form-action 'none'`,
  ].join('; ');
  yield `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeText(title)}</title>
<style>${style}</style>
</head>
<body>
<div id="app"><noscript>This page needs JavaScript, which it brings with it.</noscript></div>
<script type="application/json" id="model">${jsonText(model)}</script>
`;
  yield* before;
  yield `<script>${script}</script>\n`;
  yield* after;
  yield '</body>\n</html>\n';
}

/** Parts of a data page: rows first appear while their text is still being read. */
export function dataPage(
  model: DataPage,
  columns: Columns,
  chunks: readonly Uint8Array[],
): AsyncGenerator<string> {
  const first = [dataScript('columns', gzipSync(joinColumns(columns)))];
  function* rest(): Generator<string> {
    for (const [i, chunk] of chunks.entries()) yield dataScript(`chunk${i}`, chunk);
  }
  return page('data', model.title, model, first, rest());
}

/** Parts of the report of a run. */
export function runPage(model: RunPage): AsyncGenerator<string> {
  return page('run', model.title, model, [], []);
}

function dataScript(id: string, bytes: Uint8Array): string {
  const { buffer, byteOffset, byteLength } = bytes;
  const text = Buffer.from(buffer, byteOffset, byteLength).toString('base64');
  return `<script type="text/plain" id="${id}">${text}</script>\n`;
}

function digest(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** JSON that cannot end its element, and keeps numbers that JSON lacks as text. */
function jsonText(value: object): string {
  const text = JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'number' && !Number.isFinite(inner) ? String(inner) : inner,
  );
  return text.replaceAll('<', '\\u003c');
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
