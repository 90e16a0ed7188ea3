import type { TrainConfig } from '../config.ts';
import { readState } from './checkpoints.ts';
import { carriedState, earlier, takeOver } from './resume.ts';
import type { Run } from './run.ts';
import type { Session } from './session.ts';

/** An earlier step to go back to. */
export interface Rewind {
  step: number;
  /** Steps whose rows are left out from there; null: of all steps up to now. */
  skipBatches: number | null;
}

/** Times in a row that guards may go back to the same checkpoint. */
const MOST = 3;

/** Takes a run back to its checkpoints, more than once if need be. */
export class Rewinder {
  /** The checkpoint that was last gone back to, the groups left out behind it, and how often. */
  #last = { step: -1, skipped: 0, times: 0 };

  /**
   * Engine, session and metrics as of the newest checkpoint at or before a step. Returns the groups
   * to leave out from there. Throws `checkpoint` where there is none.
   */
  async goBack(
    run: Run,
    session: Session,
    config: TrainConfig,
    { step, skipBatches }: Rewind,
    tell: (message: string) => void,
  ): Promise<number> {
    const { checkpoints, store, metrics } = run;
    await checkpoints.settle();
    const found = await earlier(store, step, tell);
    const again = found.step === this.#last.step;
    const before = again ? this.#last.skipped : 0;
    const skip = skipBatches ?? session.done - found.step + before;
    this.#last = { step: found.step, skipped: skip, times: again ? this.#last.times + 1 : 1 };
    const state = await readState(found.dir);
    await checkpoints.load(found, state);
    session.restore(carriedState(state, config));
    metrics.cut(found.step);
    await takeOver(store, { found, state }, tell);
    tell(`back to step ${found.step}; the rows of the next ${skip} steps are left out`);
    return skip;
  }

  /** The step of the checkpoint that a guard goes back to, or why it does not. */
  async anchor({ checkpoints }: Run): Promise<number | string> {
    const step = await checkpoints.latest();
    if (step === null) return 'there is no checkpoint to go back to (save_steps)';
    const often = step === this.#last.step && this.#last.times >= MOST;
    return often ? `the run went back to step ${step} ${MOST} times` : step;
  }
}
