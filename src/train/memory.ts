import type { MemoryPlan } from '../native/addon.d.ts';
import type { Run } from './run.ts';

/** What a thread that encodes rows comes to take after its first rows, as measured. */
const ENCODER = 48 * 2 ** 20;

/** The engine's plan, and what the run takes beside it. */
export interface RunMemory extends MemoryPlan {
  /** Threads that encode rows while the run trains. */
  encoders: number;
  /** A checkpoint while it is written. */
  checkpoint: number;
}

/** What a run takes at its peak; what the process has by now counts as the plan's `device`. */
export function runMemory({ engine, dataset, checkpoints }: Run, saves: boolean): RunMemory {
  const plan = engine.plan();
  const encoders = ENCODER * dataset.encoders;
  const checkpoint = saves ? checkpoints.memory : 0;
  return { ...plan, encoders, checkpoint, total: plan.total + encoders + checkpoint };
}
