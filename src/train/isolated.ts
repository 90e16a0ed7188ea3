// The process that `isolate` trains in. It tells everything to the one that started it, and ends
// with it.
import type { TrainConfig } from '../config.ts';
import { AttuneError } from '../errors.ts';
import { engineBusy } from '../native/engine.ts';
import type { TrainEvents, TrainResult } from './events.ts';
import { type FromChild, PULSE, type ToChild } from './isolate.ts';
import { SFTTrainer } from './trainer.ts';

const controller = new AbortController();
let steps: AsyncGenerator<unknown, void, void> | null = null;
let result: TrainResult | null = null;

/** Resolves once the message is on its way. */
function tell(message: FromChild): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send!(message, () => resolve());
    else resolve();
  });
}

function begin(config: TrainConfig): void {
  const trainer = new SFTTrainer({ config, notes: [], signal: controller.signal });
  trainer.emit = (name: keyof TrainEvents, ...args: unknown[]) => {
    if (name === 'end') result = args[0] as TrainResult;
    tell({ kind: 'event', name, args });
    return true;
  };
  steps = trainer.steps();
}

async function next(): Promise<void> {
  try {
    const { done, value } = await steps!.next();
    if (done) await tell({ kind: 'done', result });
    else await tell({ kind: 'step', record: value as never });
  } catch (error) {
    const { message, stack } = error as Error;
    const code = error instanceof AttuneError ? error.code : null;
    await tell({ kind: 'failed', code, message, stack });
  }
}

process.on('message', async (message: ToChild) => {
  if (message.kind === 'start') begin(message.config);
  else if (message.kind === 'next') await next();
  else if (message.kind === 'abort') controller.abort();
  else {
    await steps?.return();
    process.exit();
  }
});
// Nobody listens any more; what was published is whole.
process.on('disconnect', () => process.exit(1));
// Signals that a whole group of processes gets: the other one decides, and says so.
for (const name of ['SIGINT', 'SIGTERM', 'SIGUSR2'] as const) process.on(name, () => {});
setInterval(() => tell({ kind: 'alive', busy: engineBusy() }), PULSE);
