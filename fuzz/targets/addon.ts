import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Addon, Engine, TextEncoder } from '../../src/native/addon.d.ts';
import { loadAddon } from '../../src/native/binding.ts';
import { CODES } from '../../src/native/engine.ts';
import { Hostile, kinds, memories, Thrown } from '../hostile.ts';
import { rule, type Target } from '../target.ts';

const spec = {
  vocabularySize: 12, hiddenSize: 8, embeddingSize: 8, intermediateSize: 12, layers: 1, heads: 2,
  kvHeads: 1, headSize: 4, maxPositions: 16, norm: 'rms', normEpsilon: 1e-5, normPlacement: 'pre',
  finalNorm: true, position: 'rotary', positionOffset: 0, inverseFrequencies: { $: 'floats', of: [1, 0.1] },
  rotaryScale: 1, attentionBias: false, attentionOutputBias: false, mlpBias: false, activation: 'silu',
  gated: true, tiedHead: false,
}; // biome-ignore format: a table
const options = {
  device: 'cpu', tf32: false, dtype: 'float32', method: 'lora',
  adapter: { rank: 2, scale: 2, dropout: 0, modules: ['layers.0.q', 'layers.0.down'] },
  maxTokens: 16, recompute: null, seed: 1, loss: 'nll', labelSmoothing: 0,
}; // biome-ignore format: a table
const ints = (...of: number[]) => ({ $: 'ints', of });
const batch = {
  tokens: ints(1, 2, 3),
  targets: ints(-100, 3, 4),
  positions: ints(0, 1, 2),
  segments: ints(0, 3),
};
const update = {
  learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1, tokens: 2,
}; // biome-ignore format: a table
const write = { name: 'layers.0.q.lora_a', offset: 4, dtype: 'float32', part: 'value' };
const read = { ...write, path: '/nowhere', bytes: 64 };
const model = {
  byteLevel: true,
  steps: [
    {
      classes: { $: 'classes', of: [0, 1, 1, 1] },
      transitions: { $: 'shorts', of: [0, 0, 4, 4, 1, 4] },
      width: 2,
      gaps: true,
    },
  ],
  tokens: { text: 'abcab', lengths: ints(1, 1, 1, 2) },
  ids: ints(0, 1, 2, 3),
  merges: { text: 'a b', lengths: ints(3) },
  ignoreMerges: false,
  mark: ' ',
  cutAtMarks: false,
  byteFallback: false,
  unknown: -1,
  fuseUnknown: false,
};
const words = { ...model, steps: [], byteLevel: false, mark: '\u2581', unknown: 2 };
const into = [ints(0, 0, 0), ints(0, 0, 0, 0, 0, 0), 0];

/** Not given to anything: what changes take values from. */
const bag = [
  ...memories.flatMap((memory) => [
    { ...ints(1, 2, 3), memory },
    { $: 'bytes', of: 8, memory },
  ]),
  ...kinds.map((kind) => ({ $: kind, of: 3 })),
  ...['NaN', 'Infinity', '-Infinity', '-0', '1e300', '4294967298', '9007199254740992'].map(
    (of) => ({ $: 'number', of }),
  ),
  ...['throw', 'detach', 'shrink', 'dispose', 'encode'].flatMap((does) => [
    { $: 'getters', of: batch, does },
    { $: 'getters', of: [write], does },
    { $: 'object', of: 1, does },
  ]),
  { $: 'getters', of: model.steps[0], does: 'detach' },
  { $: 'repeat', of: 'ab c', is: 5000 },
];

const training = [
  ['accumulate', batch],
  ['update', update],
  ['evaluate', batch],
  ['tokenLosses', batch],
  ['read', 'layers.0.q.lora_a', 'first'],
];
const saving = [
  ['snapshot', { $: 'bytes', of: 4 }, [write]],
  ['save', 'file', { $: 'bytes', of: 4 }, [write]],
  ['load', [read]],
  ['restore', { updates: 1, microBatches: 2 }],
  ['progress'],
];
const asking = [
  ['logits', ints(1, 2)],
  ['decode', ints(1), true],
  ['plan'],
  ['parameters'],
  ['merge'],
];
const encoding = [
  ['encode', 'abcab a', false, 0, ...into],
  ['take', ...into],
  ['encode', 'ab', true, 3, ...into],
];

interface Plan {
  spec?: unknown;
  options?: unknown;
  model?: unknown;
  calls?: unknown;
}

/** What is no plan of calls at all. */
class NoPlan extends Error {}

let addon: Addon | null = null;
let folder: string | null = null;

/** A place of ours for whatever is written: nothing goes where an input says. */
function scratch(): string {
  if (folder === null) {
    const made = mkdtempSync(join(tmpdir(), 'attune-fuzz-'));
    process.on('exit', () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return folder;
}

function parse(input: Uint8Array): Plan {
  try {
    const plan: unknown = JSON.parse(Buffer.from(input).toString());
    if (typeof plan === 'object' && plan !== null) return plan as Plan;
  } catch {}
  throw new NoPlan('no plan');
}

function isTyped(error: unknown): boolean {
  if (error instanceof Thrown) return true;
  // V8's own, of a method called on something else.
  if (error instanceof TypeError && error.message === 'Illegal invocation') return true;
  return error instanceof Error && CODES.has((error as NodeJS.ErrnoException).code);
}

/** One engine and one encoder that are given what an input describes, and what they took. */
class Run {
  private readonly hostile = new Hostile((deed) => this.do(deed));
  private readonly taken = new Set<string>();
  private refusal: unknown = null;
  private engine: Engine | null = null;
  private encoder: TextEncoder | null = null;

  constructor(
    private readonly native: Addon,
    private readonly plan: Plan,
  ) {}

  async finish(): Promise<string> {
    const { hostile } = this;
    try {
      if (this.plan.model !== undefined) {
        const given = hostile.make(this.plan.model);
        this.attempt('model', () => {
          this.encoder = new this.native.TextEncoder(given as never);
        });
      }
      if (this.plan.spec !== undefined) {
        const given = [hostile.make(this.plan.spec), hostile.make(this.plan.options)];
        this.attempt('engine', () => {
          this.engine = new this.native.Engine(given[0] as never, given[1] as never);
        });
      }
      const calls = Array.isArray(this.plan.calls) ? this.plan.calls.slice(0, 12) : [];
      await Promise.all(calls.map((call) => this.call(call)));
    } finally {
      this.engine?.dispose();
    }
    if (this.taken.size === 0) throw this.refusal ?? new NoPlan('no call');
    return [...this.taken].sort().join(' ');
  }

  /** A call [verb, argument, …]. */
  private async call(call: unknown): Promise<void> {
    if (!Array.isArray(call) || typeof call[0] !== 'string') return;
    const [verb, ...described] = call as [string, ...unknown[]];
    const given = described.map((each) => this.hostile.make(each));
    if (verb === 'save')
      given[0] = typeof given[0] === 'string' ? join(scratch(), 'file') : given[0];
    const target = [this.engine, this.encoder].find(
      (each) =>
        each !== null && typeof (each as object as Record<string, unknown>)[verb] === 'function',
    ) as Record<string, (...given: unknown[]) => unknown> | undefined;
    if (!target || Object.hasOwn(Object.prototype, verb)) return;
    const result = this.attempt(verb, () => target[verb]!(...given));
    if (result instanceof Promise) {
      this.taken.delete(verb);
      await result.then(
        () => this.taken.add(verb),
        (error) => this.refuse(verb, error),
      );
    }
  }

  private attempt(what: string, run: () => unknown): unknown {
    try {
      const result = run();
      this.taken.add(what);
      return result;
    } catch (error) {
      return this.refuse(what, error);
    }
  }

  private refuse(what: string, error: unknown): void {
    this.refusal ??= error;
    const shown = error instanceof Error ? error.stack || error.message : String(error);
    rule(isTyped(error), `${what} ended with an error without a code: ${shown}`);
  }

  private do(deed: string): void {
    if (deed === 'throw') throw new Thrown('thrown by a getter');
    if (deed === 'detach') this.hostile.detach();
    if (deed === 'shrink') this.hostile.shrink();
    if (deed === 'dispose') this.engine?.dispose();
    const into = () => new Int32Array(8);
    if (deed === 'encode') this.encoder?.encode('ab'.repeat(600_000), true, 0, into(), into(), 0);
  }
}

/** The addon's own functions, called with values of every kind: each is taken, or refused by a code. */
export const target: Target = {
  name: 'addon',
  seeds: [
    { spec, options, calls: training, bag },
    { spec: { ...spec, position: 'learned', inverseFrequencies: { $: 'floats', of: [] } },
      options: { ...options, method: 'full', adapter: null, dtype: 'bfloat16' }, calls: saving, bag },
    { spec: { ...spec, norm: 'layer', gated: false }, options: { ...options, method: 'none' }, calls: asking, bag },
    { model, calls: encoding, bag },
    { model: words, calls: encoding, bag },
  ].map((plan) => JSON.stringify(plan)), // biome-ignore format: a table
  words: [
    ...kinds, ...memories, ...Object.keys(spec), ...Object.keys(options), ...Object.keys(model),
    ...Object.keys(batch), 'throw', 'detach', 'shrink', 'dispose', 'encode', 'take', 'accumulate', 'load',
    'snapshot', 'layers.0.q', 'float16', 'bfloat16', 'full', 'none', 'dft', 'relu', 'gelu', 'learned', 'post',
    'first', 'gradient', '\u2581',
  ], // biome-ignore format: a table
  json: true,
  isNative: true,
  absence() {
    try {
      loadAddon();
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  },
  run(input) {
    addon ??= loadAddon();
    return new Run(addon, parse(input)).finish();
  },
  refuses: (error) => error instanceof NoPlan || isTyped(error),
};
