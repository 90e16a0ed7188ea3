// `npm run quickstart`: on a fresh machine, installs and builds what is missing, then fine-tunes the
// embedded base model on the embedded conversations and shows what changed.
import { ready } from './ready.mjs';

ready();
const { evaluate, generate, SFTTrainer } = await import('../dist/index.js');

const model = 'examples/quickstart/base';
const data = 'examples/quickstart/eval.jsonl';
const outputDir = 'runs/quickstart';
const questions = [
  'Which animal is bigger, a cow or a mouse?',
  'What colour is a banana?',
  'Where does a penguin live?',
];

/** Held-out loss, and an answer to each question. */
async function examine(adapter) {
  const { nll, meanTokenAccuracy } = await evaluate({ model, adapter, data });
  const answers = [];
  for (const question of questions) {
    const messages = [{ role: 'user', content: question }];
    answers.push((await generate({ model, adapter, messages, maxNewTokens: 24 })).text.trim());
  }
  return { nll, meanTokenAccuracy, answers };
}

const before = await examine(null);
const start = performance.now();
const trainer = new SFTTrainer({
  model,
  trainFile: 'examples/quickstart/train.jsonl',
  outputDir,
  learningRate: 4e-3,
  lrSchedulerType: 'cosine',
  warmupSteps: 10,
  numTrainEpochs: 4,
});
trainer.on('accounting', ({ read, trained, leftOut }) => {
  const left = leftOut.reduce((sum, { count }) => sum + count, 0);
  console.log(`rows: ${read} read = ${trained} trained + ${left} left out`);
});
trainer.on('log', ({ step, loss, learning_rate, tokens_per_second }) => {
  if (step % 50 === 0) {
    console.log(
      `step ${String(step).padStart(3)}  loss ${loss.toFixed(3)}  lr ${learning_rate.toExponential(2)}  ${Math.round(tokens_per_second)} tokens/s`,
    );
  }
});
const { steps } = await trainer.train();
const seconds = ((performance.now() - start) / 1000).toFixed(1);
const after = await examine(outputDir);

console.log(
  `\n${steps} steps of LoRA in ${seconds} s; the adapter is in ${outputDir}, in PEFT's layout`,
);
console.log(`held-out loss      ${before.nll.toFixed(3)} → ${after.nll.toFixed(3)} nats a token`);
console.log(
  `held-out accuracy  ${(100 * before.meanTokenAccuracy).toFixed(1)} % → ${(100 * after.meanTokenAccuracy).toFixed(1)} %`,
);
questions.forEach((question, i) => {
  console.log(`\n${question}\n  before: ${before.answers[i]}\n  after:  ${after.answers[i]}`);
});
console.log('\nNext: npx attune train --help, or README.md');
