// Runs test files of uvu in this process, one after another, as the parent names them (scripts/test.mjs).
// What each has to say on stdout ends with NUL. Of src/ they get what was built of it, so that the
// threads which they start need not load TypeScript.
import { register } from 'node:module';
import { pathToFileURL } from 'node:url';
import { register as registerTsx } from 'tsx/esm/api';

registerTsx();
register('./built.mjs', import.meta.url);
globalThis.UVU_DEFER = 1;
const { exec } = await import('uvu');

// What fails outside of a test ends this process, which the parent counts.
process.on('message', async ({ name, file }) => {
  if (name === null) return process.disconnect();
  globalThis.UVU_INDEX = 0;
  globalThis.UVU_QUEUE.splice(0, Number.POSITIVE_INFINITY, [name]);
  await import(pathToFileURL(file).href);
  await exec();
  process.stdout.write('\0');
});
