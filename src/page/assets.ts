import { readFile } from 'node:fs/promises';

/** The program of a page, and the style of all. */
export interface PageAssets {
  script: string;
  style: string;
}

/** Built, they lie beside this file; from source they are bundled anew, as the build does it. */
export async function pageAssets(page: 'data' | 'run'): Promise<PageAssets> {
  if (import.meta.url.endsWith('.ts')) {
    const { bundlePage } = await import(new URL('../../scripts/pages.mjs', import.meta.url).href);
    return bundlePage(page);
  }
  const read = (name: string) => readFile(new URL(`./client/${name}`, import.meta.url), 'utf8');
  const [script, style] = await Promise.all([read(`${page}.js`), read(`${page}.css`)]);
  return { script, style };
}
