// How long the training loop of dist/ waits for data: the time between the end of a step and the start
// of the next, as a share of step time. Prints one JSON object.
//   node bench/pipeline/wait.mjs '{"model":…,"trainFile":…,"maxSteps":…,…}'
import { SFTTrainer } from '../../dist/index.js';
import { Stepper } from '../../dist/train/stepper.js';

const marks = [];
const { step } = Stepper.prototype;
Stepper.prototype.step = async function timed(...words) {
  const start = performance.now();
  const record = await step.apply(this, words);
  marks.push({ start, end: performance.now(), tokens: record.tokens });
  return record;
};

await new SFTTrainer(JSON.parse(process.argv[2])).train();
// The first waits for the threads to load, the second for what the first left undone.
const later = marks.slice(1);
const waits = later.slice(1).map(({ start }, i) => (start - later[i].end) / 1000);
const steps = later.slice(1).map(({ start, end }) => (end - start) / 1000);
const sum = (numbers) => numbers.reduce((total, n) => total + n, 0);
console.log(
  JSON.stringify({
    steps: steps.length,
    wait: sum(waits),
    step: sum(steps),
    share: sum(waits) / (sum(waits) + sum(steps)),
    longest: Math.max(...waits),
    tokens: sum(later.slice(1).map(({ tokens }) => tokens)),
  }),
);
