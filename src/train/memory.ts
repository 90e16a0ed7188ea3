import type { MemoryPlan } from '../native/addon.d.ts';
import type { Run } from './run.ts';

/** The engine's plan, and what the run takes beside it. */
export interface RunMemory extends MemoryPlan {
  /** A checkpoint while it is written. */
  checkpoint: number;
}

/** What a run takes at its peak; what the process has by now counts as the plan's `device`. */
export function runMemory({ engine, checkpoints }: Run, saves: boolean): RunMemory {
  const plan = engine.plan();
  const checkpoint = saves ? checkpoints.memory : 0;
  return { ...plan, checkpoint, total: plan.total + checkpoint };
}
