// Reads a data set as training does, from dist/, in a process of its own; prints one JSON object.
//   node bench/pipeline/read.mjs '{"files":[…],"tokenizerDir":…,"until":"first"|"all"|"end"|N,…}'
// "first": until the first batch; "all": until every row is accounted for, then the first batch; "end":
// every batch of an epoch, with resident memory on the way; a number: a hash of so many first rows.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const started = performance.timeOrigin;
const since = () => (performance.timeOrigin + performance.now() - started) / 1000;
const { until, ...given } = JSON.parse(process.argv[2]);
const { Dataset } = await import('../../dist/batch/dataset.js');

const options = {
  formatting: null,
  vocabularySize: 1e6,
  maxLength: 1024,
  truncationMode: 'keep_start',
  packing: 'bfd',
  packedTogether: 1000,
  completionOnlyLoss: null,
  assistantOnlyLoss: null,
  rolesToTrain: ['assistant'],
  maskHistory: false,
  trainOnEos: 'turn',
  datasetTextField: 'text',
  chatTemplate: null,
  sampling: 'random',
  seed: 42,
  batchSize: 2,
  workers: 1,
  readAll: until === 'all',
  cache: false,
  streaming: false,
  onBadRow: 'error',
  ...given,
};
const memoryNow = (field) => {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
};

const marks = { loaded: since() };
const dataset = await Dataset.open(options);
marks.opened = since();
const found = dataset.progress.read;
let accounting = null;
if (until === 'all') accounting = await dataset.accounting();
marks.accounted = since();
const batches = dataset.batches(0);
const first = await batches.next();
marks.first = since();
let memory = memoryNow('VmHWM');
const tokens = first.value.tokens.length;
const samples = [];
if (until === 'end') {
  for await (const { progress } of batches) {
    if (progress * 100 >= samples.length + 1) samples.push(memoryNow('VmRSS'));
  }
  memory = memoryNow('VmHWM');
  accounting = dataset.accountingSoFar();
  marks.accounted = since();
}
let hash = null;
if (typeof until === 'number') {
  hash = createHash('sha256');
  let rows = 0;
  for await (const { input_ids: ids, labels } of dataset.inspect()) {
    if (rows++ === until) break;
    hash.update(Int32Array.from(ids)).update(Int32Array.from(labels));
  }
  hash = hash.digest('hex');
}
await dataset.close();
marks.closed = since();
const cpu = process.cpuUsage();
console.log(
  JSON.stringify({
    marks,
    found,
    tokens,
    memory,
    samples,
    accounting,
    hash,
    cpu: (cpu.user + cpu.system) / 1e6,
  }),
);
