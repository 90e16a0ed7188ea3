/** A module as a thread starts it. */
export interface ThreadFile {
  filename: string;
  execArgv?: string[];
}

/**
 * The module `name` beside the module `base` (its import.meta.url). Built, it is JavaScript; from
 * source, a thread does not inherit tsx and registers it.
 */
export function threadFile(base: string, name: string): ThreadFile {
  const file = (extension: string): string => new URL(`./${name}.${extension}`, base).href;
  if (!base.endsWith('.ts')) return { filename: file('js') };
  const register = `import{register}from"${import.meta.resolve('tsx/esm/api')}";register();`;
  const preload = `data:text/javascript,${encodeURIComponent(register)}`;
  return { filename: file('ts'), execArgv: [...process.execArgv, '--import', preload] };
}
