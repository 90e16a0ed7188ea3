// Publishes checkpoints without end, with the store of the built package, until it is killed:
//   node saver.mjs DIST DIR RUN BYTES
// Each file's bytes follow from step and name, so that whoever reads one can tell its step.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist, dir, run, bytes] = process.argv.slice(2);
const { CheckpointStore } = await import(pathToFileURL(join(dist, 'checkpoint/store.js')).href);
const { contents } = await import('./contents.mjs');
const store = new CheckpointStore(dir);
const tell = (message) => process.stderr.write(`${message}\n`);
await store.clear();
const found = await store.newest(Number.POSITIVE_INFINITY, tell);
for (let step = (found?.step ?? 0) + 1; ; step++) {
  process.stdout.write(`begin ${step}\n`);
  await store.publish(run, step, contents(step, Number(bytes)), { tell });
  process.stdout.write(`published ${step}\n`);
  await store.prune(run, 2, null);
}
