/** One training step on the processor, and what this process says of GPUs; run by device.test.ts. */
import { cudaAbsence, devices } from '../../src/native/binding.ts';
import { findDevice } from '../../src/native/device.ts';
import { documents, failure, OPTIONS, openTiny, ROTARY, UPDATE } from './tiny.ts';

const { engine } = await openTiny(ROTARY, { ...OPTIONS, device: findDevice('auto').id });
const before = (await engine.accumulate(documents(ROTARY, [9, 4]))).loss;
const { applied } = await engine.update(UPDATE);
const after = (await engine.evaluate(documents(ROTARY, [9, 4]))).loss;
engine.dispose();
const { message } = await failure(() => findDevice('cuda'));
const ids = devices().map(({ id }) => id);
console.log(JSON.stringify({ ids, absence: cudaAbsence(), message, applied, before, after }));
