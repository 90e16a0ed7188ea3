// A thread that trains as it is told, and tells each step and the end.
import { parentPort, workerData } from 'node:worker_threads';
import { SFTTrainer } from '../../src/index.ts';

const trainer = new SFTTrainer(workerData);
trainer.on('step', ({ step }) => parentPort?.postMessage(step));
trainer.train().then(
  () => parentPort?.postMessage('end'),
  (error: Error) => parentPort?.postMessage(error.message),
);
