// LoRA on conversations with evaluation, typed events and a clean stop on Ctrl-C.
import { AttuneError, generate, SFTTrainer } from 'attune';

const quickstart = `${import.meta.dirname}/../quickstart`;
const abort = new AbortController();
process.once('SIGINT', () => abort.abort());

const trainer = new SFTTrainer({
  model: `${quickstart}/base`,
  trainFile: `${quickstart}/train.jsonl`,
  evalFile: `${quickstart}/eval.jsonl`,
  evalStrategy: 'epoch',
  learningRate: 4e-3,
  numTrainEpochs: 2,
  outputDir: 'runs/chat-lora',
  signal: abort.signal,
});
trainer.on('log', ({ step, loss }) => console.log(`step ${step}: loss ${loss.toFixed(3)}`));
trainer.on('evaluate', ({ epoch, eval_loss }) =>
  console.log(`epoch ${epoch}: ${eval_loss.toFixed(3)}`),
);

try {
  await trainer.train();
  const messages = [{ role: 'user', content: 'What colour is a banana?' }];
  const { text } = await generate({
    model: `${quickstart}/base`,
    adapter: 'runs/chat-lora',
    messages,
  });
  console.log(text);
} catch (error) {
  if (!(error instanceof AttuneError) || error.code !== 'aborted') throw error;
  console.log(error.message);
}
