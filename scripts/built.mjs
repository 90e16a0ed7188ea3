// A hook for modules: what is imported from src/ comes from dist/, but for what is not built one by one.
import { existsSync } from 'node:fs';

const [source, output] = ['../src/', '../dist/'].map((dir) => new URL(dir, import.meta.url).href);

export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  if (!found.url.startsWith(source)) return found;
  const [path] = found.url.slice(source.length).split('?');
  const url = output + path.replace(/\.ts$/, '.js');
  return existsSync(new URL(url)) ? { ...found, url, format: 'module' } : found;
}
