import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AttuneError } from '../../../src/errors.ts';
import { compareIdentities } from '../../../src/train/identity.ts';
import { type Identity, parseState, type RunState, stateText } from '../../../src/train/state.ts';
import { identity, state, streamed } from './state.ts';

const message = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    assert.instance(error, AttuneError);
    assert.is((error as AttuneError).code, 'checkpoint');
    return (error as Error).message;
  }
  return assert.unreachable() as never;
};

test('a state is read back as it was, NaN and infinity included', () => {
  assert.equal(parseState('p', stateText(state)), state);
  assert.equal(parseState('p', stateText(streamed)), streamed);
  // As earlier versions wrote it.
  const { account: _, ...before } = state;
  assert.equal(parseState('p', stateText(before as RunState)), state);
});

test('a missing, wrong or unknown piece is refused by name', () => {
  const { cursor: _, ...rest } = state;
  const refused = (value: object) => message(() => parseState('p', stateText(value as RunState)));
  assert.match(refused(rest), /^p: cursor: expected/);
  assert.match(refused({ ...state, global_step: -1 }), /^p: global_step: expected/);
  assert.match(refused({ ...state, cursor: { epoch: 0, row: 0.5 } }), /^p: cursor.row: expected/);
  assert.match(refused({ ...state, another: 1 }), /^p: another: expected/);
  assert.match(refused({ ...state, format: 2 }), /^p: format: expected 1, received 2/);
  assert.match(
    message(() => parseState('p', '{')),
    /^p: not JSON/,
  );
});

const changed = (config: object, fingerprints: object = {}): Identity => ({
  ...identity,
  config: { ...identity.config, ...config },
  fingerprints: { ...identity.fingerprints, ...fingerprints },
});

test('settings that may change are listed with the side that won', () => {
  assert.equal(compareIdentities(identity, identity), []);
  assert.equal(compareIdentities(identity, changed({ output_dir: 'x', save_steps: 9 })), []);
  assert.equal(compareIdentities(identity, changed({ lora_r: 16 })), []);
  assert.match(
    message(() => compareIdentities(identity, changed({ lora_r: 8 }))),
    /lora_r was 16/,
  );
  assert.equal(
    compareIdentities(identity, changed({ learning_rate: 0.2 }, { 'eval_file[0]': 'd' })),
    [
      'learning_rate was 0.1; 0.2 is used from now on',
      'eval_file[0] is not what it was; the new one is used from now on',
    ],
  );
  assert.equal(compareIdentities(identity, { ...identity, device: 'cuda:0' }), [
    'device was "cpu"; "cuda:0" is used from now on',
  ]);
});

test('data, seed and whatever has no rule must be the same, and all of it is named', () => {
  const now = changed({ seed: 2, new_key: true }, { 'train_file[0]': 'x', 'train_file[1]': 'y' });
  const text = message(() => compareIdentities(identity, now));
  for (const part of [
    'seed was 1, now 2',
    'new_key was not there, now true',
    'train_file[0] is not what it was',
    'train_file[1] is not what it was',
    'Put them back, or begin a new run in another output_dir',
  ]) {
    assert.ok(text.includes(part), `${text} has ${part}`);
  }
  const other = { ...identity, dtype: 'bfloat16' as const };
  assert.match(
    message(() => compareIdentities(identity, other)),
    /dtype was "float32"/,
  );
});

test('the same rows of a step may be cut otherwise, other rows may not', () => {
  const split = (size: number, steps: number, more = {}) =>
    changed({ per_device_train_batch_size: size, gradient_accumulation_steps: steps, ...more });
  assert.equal(compareIdentities(identity, split(8, 1)), [
    'micro-batches were 4 × 2; 8 × 1 is used from now on, the same rows a step',
  ]);
  assert.match(
    message(() => compareIdentities(identity, split(8, 2))),
    /rows in a step were 4 × 2, now 8 × 2/,
  );
  const grouped = { train_sampling_strategy: 'group_by_length' };
  assert.match(
    message(() => compareIdentities(changed(grouped), split(8, 1, grouped))),
    /orders the rows under group_by_length/,
  );
});

test.run();
