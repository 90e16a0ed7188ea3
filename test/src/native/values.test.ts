/** What the addon does with values that are wrong, or change while they are read. `npm run fuzz` goes on from here. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { TextEncoder, TextModel } from '../../../src/native/addon.d.ts';
import { loadAddon } from '../../../src/native/binding.ts';

const { Engine, TextEncoder: Native } = loadAddon();

const strings = (...all: string[]) => ({
  text: all.join(''),
  lengths: Int32Array.from(all, (each) => each.length),
});
const step = () => ({
  classes: new Uint8Array(0x110000),
  transitions: Uint16Array.of(0, 0, 1, 2),
  width: 2,
  gaps: true,
});
const model = (): TextModel => ({
  byteLevel: true,
  steps: [step()],
  tokens: strings('a', 'b', 'ab'),
  ids: Int32Array.of(0, 1, 2),
  merges: strings('a b'),
  ignoreMerges: false,
  mark: ' ',
  cutAtMarks: false,
  byteFallback: false,
  unknown: -1,
  fuseUnknown: false,
});

/** The message of the TypeError of code `config` that a call must throw. */
function refusal(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    assert.is((error as NodeJS.ErrnoException).code, 'config', String(error));
    return (error as Error).message;
  }
  return assert.unreachable() as never;
}

const encode = (encoder: TextEncoder, ...given: unknown[]) =>
  (encoder.encode as (...given: unknown[]) => number).apply(encoder, given);

test('a wrong value is refused with a code and the name of what it is', () => {
  const wrong = (change: object) => refusal(() => new Native({ ...model(), ...change }));
  assert.match(wrong({ ids: [0, 1, 2] }), /^ids must be an Int32Array/);
  assert.match(wrong({ unknown: 2 ** 31 }), /^unknown must be a whole number from -2147483648 to/);
  assert.match(wrong({ unknown: 0.5 }), /^unknown must be a whole number/);
  assert.match(wrong({ mark: '' }), /^mark must be one UTF-16 unit/);
  assert.match(
    refusal(() => new Engine({} as never, {} as never)),
    /^vocabularySize must be/,
  );
});

test('a model of more layers than there can be is refused before memory is taken', () => {
  const size = 8;
  const spec = {
    vocabularySize: size,
    hiddenSize: size,
    embeddingSize: size,
    intermediateSize: size,
    layers: 2 ** 24,
    heads: 1,
    kvHeads: 1,
    headSize: size,
    maxPositions: size,
    norm: 'rms',
    normEpsilon: 1e-5,
    normPlacement: 'pre',
    finalNorm: true,
    position: 'learned',
    positionOffset: 0,
    inverseFrequencies: new Float32Array(0),
    rotaryScale: 1,
    attentionBias: false,
    attentionOutputBias: false,
    mlpBias: false,
    activation: 'silu',
    gated: true,
    tiedHead: true,
  } as const;
  const options = {
    device: 'cpu',
    tf32: false,
    dtype: 'float32',
    method: 'none',
    adapter: null,
    maxTokens: size,
    recompute: null,
    seed: 0,
    loss: 'nll',
    labelSmoothing: 0,
  } as const;
  assert.match(
    refusal(() => new Engine(spec, options)),
    /layers: at most 4096, got 16777216/,
  );
});

test('what encode is given must be numbers, not objects that are asked for them', () => {
  const encoder = new Native(model());
  const into = [new Int32Array(9), new Int32Array(18)];
  const asked = { valueOf: () => assert.unreachable() };
  assert.match(
    refusal(() => encode(encoder, 'ab', false, asked, ...into, 0)),
    /^at must be/,
  );
  assert.match(
    refusal(() => encode(encoder, 'ab', false, 0, ...into, asked)),
    /^from must be/,
  );
  assert.match(
    refusal(() => encode(encoder, 'ab', asked, 0, ...into, 0)),
    /^prefixed must be/,
  );
  assert.match(
    refusal(() => encode(encoder, 'ab', false, 2 ** 31 - 2, ...into, 0)),
    /^at must be a whole number from 0/,
  );
  assert.is(encode(encoder, 'ab', false, 0, ...into, 0), 1);
});

test('a table is read before a getter behind it can take its memory away', () => {
  const { classes, transitions, gaps } = step();
  const taken = {
    classes,
    transitions,
    get width() {
      structuredClone(null, { transfer: [classes.buffer, transitions.buffer] });
      return 2;
    },
    gaps,
  };
  const into = [new Int32Array(9), new Int32Array(18)];
  const encoder = new Native({ ...model(), steps: [taken] });
  assert.is(transitions.length, 0);
  assert.is(encode(encoder, 'ab', false, 0, ...into, 0), 1);
});

test('ids may lie in memory that threads share', () => {
  const shared = new Int32Array(new SharedArrayBuffer(12));
  shared.set([0, 1, 2]);
  assert.is(encode(new Native({ ...model(), ids: shared }), 'ab', false, 0, shared, shared, 0), 1);
});

test('a list that grows while it is read is read to the end that it had', () => {
  const steps: ReturnType<typeof step>[] = [step()];
  const growing = new Proxy(step(), {
    get(of, key) {
      if (steps.length < 50) steps.push(step());
      return Reflect.get(of, key);
    },
  });
  steps[0] = growing;
  assert.ok(new Native({ ...model(), steps }));
});

test('an error that a getter throws comes back as it is', () => {
  const thrown = new Error('mine');
  const bad = {
    get vocabularySize() {
      throw thrown;
    },
  };
  try {
    new Engine(bad as never, {} as never);
    assert.unreachable();
  } catch (error) {
    assert.is(error, thrown);
  }
});

test.run();
