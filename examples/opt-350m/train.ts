import { SFTTrainer } from 'attune';

const trainer = new SFTTrainer({
  model: process.argv[2] ?? 'facebook/opt-350m',
  method: 'full',
  trainFile: `${import.meta.dirname}/reviews.jsonl`,
  maxLength: 512,
  numTrainEpochs: 1,
  outputDir: 'runs/opt-350m',
});
for await (const { step, loss } of trainer.steps()) console.log(step, loss);
