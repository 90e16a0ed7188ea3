import * as v from 'valibot';
import { parseObject } from '../checkpoint/json.ts';
import { AttuneError } from '../errors.ts';

/** A part of a run that changes from step to step, and can be put back to where it was. */
export interface Stateful<T> {
  capture(): T;
  restore(state: T): void;
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** JSON has no NaN and no infinity; they are written as text. */
const number = v.union([
  v.number(),
  v.pipe(v.picklist(['NaN', 'Infinity', '-Infinity']), v.transform(Number)),
]);
const sums = {
  loss: number,
  nll: number,
  entropy: number,
  correct: count,
  tokens: count,
};

/** Sums over every step of the run. */
const totals = v.strictObject({
  ...sums,
  seconds: number,
  skipped: count,
  skipped_in_a_row: count,
});
/** Sums since the last row of metrics.jsonl. */
const window = v.strictObject({
  ...sums,
  input_tokens: count,
  steps: count,
  seconds: number,
});
/** ReduceLROnPlateau; every other schedule is a function of the step. */
const plateau = v.strictObject({
  learning_rate: number,
  best: number,
  bad: count,
  resting: count,
});
/** The next row of the data: packed rows (documents when not packing) used up in this epoch. */
const cursor = v.strictObject({ epoch: count, row: count });

/** What became of all rows of a stream, whose first epoch is not gone through again. */
const account = v.strictObject({
  sources: v.array(
    v.strictObject({ file: v.string(), rows: count, weight: v.number(), used: count }),
  ),
  available: v.nullable(count),
  read: count,
  trained: count,
  leftOut: v.array(v.strictObject({ reason: v.string(), count, examples: v.array(v.string()) })),
  quarantined: v.strictObject({ count, examples: v.array(v.string()) }),
  truncated: count,
  tokens: count,
  trainedTokens: count,
  rows: count,
  fill: v.number(),
});

/** What a session holds: all that changes from step to step beside the engine's tensors. */
const session = {
  global_step: count,
  max_steps: count,
  epoch: number,
  num_input_tokens_seen: count,
  best_metric: v.nullable(number),
  best_global_step: v.nullable(count),
  eval_loss: v.nullable(number),
  /** An evaluation of this step was interrupted, and comes first when the run goes on. */
  evaluation_due: v.boolean(),
  cursor,
  /** Once an epoch is done. Checkpoints of earlier versions have none. */
  account: v.optional(v.nullable(account), null),
  totals,
  window,
  plateau: v.nullable(plateau),
  /** What guards count, by guard. */
  guards: v.record(v.string(), v.unknown()),
};
const sessionSchema = v.strictObject(session);

/** What a run is made of; a resumed run compares it with its own. */
const identity = {
  attune_version: v.string(),
  device: v.string(),
  dtype: v.picklist(['float32', 'bfloat16']),
  /** The configuration, in TRL's spelling. */
  config: v.record(v.string(), v.unknown()),
  /** SHA-256 by what it is of. */
  fingerprints: v.record(v.string(), v.string()),
};
const identitySchema = v.strictObject(identity);

const schema = v.strictObject({
  format: v.literal(1),
  /** The run, whatever number of times it was resumed. */
  run: v.string(),
  ...session,
  engine: v.strictObject({ updates: count, microBatches: count }),
  ...identity,
});

export type Cursor = v.InferOutput<typeof cursor>;
export type Totals = v.InferOutput<typeof totals>;
export type WindowState = v.InferOutput<typeof window>;
export type PlateauState = v.InferOutput<typeof plateau>;
export type SessionState = v.InferOutput<typeof sessionSchema>;
export type Identity = v.InferOutput<typeof identitySchema>;
/** trainer_state.json: the numbers that an exact resume needs, by TRL's names where it has them. */
export type RunState = v.InferOutput<typeof schema>;

export const STATE_FILE = 'trainer_state.json';

/** The text of trainer_state.json; every number is written so that it is read back the same. */
export function stateText(state: RunState): string {
  const text = JSON.stringify(
    state,
    (_, value: unknown) =>
      typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
    2,
  );
  return `${text}\n`;
}

/** The state that a text holds; `path` is for messages. Throws `checkpoint` for a missing piece. */
export function parseState(path: string, text: string): RunState {
  const result = v.safeParse(schema, parseObject(path, text), { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const key = v.getDotPath(issue) ?? 'the whole';
  throw new AttuneError(
    'checkpoint',
    `${path}: ${key}: expected ${issue.expected ?? 'another value'}, received ${issue.received}; ` +
      'it was written by another version of attune, or by another program',
  );
}
