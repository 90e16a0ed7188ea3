/** The addon's edges: what it refuses, and what happens when it ends early. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AttuneError } from '../../src/errors.ts';
import type { EngineOptions, ModelSpec, NativeBatch } from '../../src/native/addon.d.ts';
import { addonPaths, loadAddon } from '../../src/native/binding.ts';
import { createEngine } from '../../src/native/engine.ts';
import { temporary } from './shared.ts';
import { documents, failure, lora, OPTIONS, openTiny, ROTARY, refuses, UPDATE } from './tiny.ts';

test('a batch without targets counts nothing and changes no gradient', async () => {
  const { engine } = await openTiny(ROTARY, OPTIONS);
  const batch = documents(ROTARY, [6]);
  batch.targets.fill(loadAddon().IGNORE);
  const nothing = { loss: 0, nll: 0, entropy: 0, correct: 0, tokens: 0 };
  assert.equal(await engine.accumulate(batch), nothing);
  assert.equal(await engine.evaluate(batch), nothing);
  assert.is((await engine.tokenLosses(batch)).length, 0);
  assert.ok((await engine.read('embedding', 'gradient')).every((value) => value === 0));
  await refuses(() => engine.update({ ...UPDATE, tokens: 0 }), 'data', /no trained tokens/);
  engine.dispose();
});

test('a gradient that is not finite leaves everything but itself as it was', async () => {
  const { engine, weights } = await openTiny(ROTARY, OPTIONS);
  const batch = documents(ROTARY, [16]);
  await engine.accumulate(batch);
  assert.ok((await engine.update(UPDATE)).applied);
  const state = async () => {
    const values = [];
    for (const { name } of engine.parameters()) {
      for (const part of ['value', 'first', 'second'] as const) {
        values.push(Buffer.from((await engine.read(name, part)).buffer));
      }
    }
    return Buffer.concat(values);
  };
  const before = await state();
  await engine.accumulate(batch);
  const result = await engine.update({ ...UPDATE, tokens: Number.MIN_VALUE });
  assert.is(result.applied, false);
  assert.ok(before.equals(await state()));
  assert.ok((await engine.read('embedding', 'gradient')).every((value) => value === 0));
  weights.get('layers.0.q.weight')![0] = Number.NaN;
  const { engine: poisoned } = await openTiny(ROTARY, OPTIONS, weights);
  assert.ok(Number.isNaN((await poisoned.accumulate(batch)).loss));
  assert.is((await poisoned.update(UPDATE)).applied, false);
  for (const [name, values] of weights) {
    const kept = Buffer.from((await poisoned.read(name, 'value')).buffer);
    assert.ok(kept.equals(Buffer.from(values.buffer)), name);
  }
  engine.dispose();
  poisoned.dispose();
});

// ---------------------------------------------------------------------------------- refusals

test('a wrong value is refused with the name of its field', async () => {
  const { Engine } = loadAddon();
  const engine = createEngine(ROTARY, OPTIONS);
  const batch = documents(ROTARY, [4]);
  const cases: [() => unknown, RegExp][] = [
    [() => new (Engine as unknown as new () => unknown)(), /^spec must be an object$/],
    [
      () => createEngine({ ...ROTARY, heads: '4' as never }, OPTIONS),
      /^heads must be a whole number$/,
    ],
    [() => createEngine({ ...ROTARY, layers: 1.5 }, OPTIONS), /^layers must be a whole number$/],
    [() => createEngine({ ...ROTARY, norm: 'none' as never }, OPTIONS), /^norm must be one of rms/],
    [
      () => createEngine(ROTARY, { ...OPTIONS, seed: -1 }),
      /^seed must be a whole number from 0 to \d+$/,
    ],
    [() => createEngine(ROTARY, null as never), /^options must be an object$/],
    [() => engine.accumulate(null as never), /^batch must be an object$/],
    [() => engine.accumulate({ ...batch, tokens: [1] as never }), /^tokens must be an Int32Array$/],
    [() => engine.update({ ...UPDATE, beta1: undefined as never }), /^beta1 must be a number$/],
    [() => engine.load([{ name: 'x' } as never]), /^path must be a string$/],
    [() => engine.read('embedding', 'x' as never), /^what must be one of value, gradient/],
    [() => engine.save('x', [] as never, []), /^header must be a Uint8Array$/],
    [() => Engine.prototype.plan.call({} as never), /^Illegal invocation$/],
  ];
  for (const [call, text] of cases) {
    const error = await failure(call);
    assert.match(error.message, text);
    if (text.source !== '^Illegal invocation$') assert.is((error as AttuneError).code, 'config');
  }
  engine.dispose();
});

test('sizes that make no sense are refused before memory is taken', async () => {
  const make =
    (spec: Partial<ModelSpec>, options: Partial<EngineOptions> = {}) =>
    () =>
      createEngine({ ...ROTARY, ...spec }, { ...OPTIONS, ...options });
  const adapter = { rank: -3, scale: 1, dropout: 0, modules: [] };
  const most = 2 ** 31 - 1;
  const huge = { vocabularySize: most, hiddenSize: most, embeddingSize: most };
  await refuses(make({ hiddenSize: 0 }), 'config', /hiddenSize must be a positive size, got 0/);
  await refuses(make({ vocabularySize: 2 ** 39 }), 'config', /vocabularySize/);
  await refuses(make({ positionOffset: -5 }), 'config', /positionOffset must not be negative/);
  await refuses(make({ kvHeads: 3 }), 'config', /heads must be a multiple of kvHeads/);
  await refuses(make({}, { labelSmoothing: 7 }), 'config', /labelSmoothing/);
  await refuses(make({}, { method: 'none', adapter }), 'config', /rank must be/);
  await refuses(make({}, lora(['layers.9.q'])), 'config', /no module is called layers.9.q/);
  await refuses(make({}, { maxTokens: most }), 'out_of_memory', /this run needs/);
  await refuses(make(huge), 'out_of_memory', /any machine/);
});

test('a batch out of range is refused by its entry', async () => {
  const engine = createEngine(ROTARY, { ...OPTIONS, maxTokens: 8 });
  const batch = documents(ROTARY, [4]);
  const accumulate = (change: Partial<NativeBatch>) => () =>
    engine.accumulate({ ...batch, ...change });
  const at = (...values: number[]) => Int32Array.from(values);
  await refuses(accumulate({ tokens: at(1, 2, 40, 3) }), 'data', /token 40 at position 2/);
  await refuses(accumulate({ targets: at(1, -1, 2, 3) }), 'data', /target -1 at position 1/);
  await refuses(accumulate({ positions: at(0, 1, 2, 8) }), 'data', /position 8 at position 3/);
  await refuses(accumulate({ positions: at(0) }), 'shape', /differ in length/);
  await refuses(accumulate({ segments: at(0, 5, 4) }), 'shape', /segment 1 is empty/);
  await refuses(accumulate({ segments: at(0, 3) }), 'shape', /from 0 to the number of tokens/);
  await refuses(() => engine.accumulate(documents(ROTARY, [9])), 'shape', /9 tokens in a batch/);
  engine.dispose();
});

test('a micro-batch that is refused leaves no trace', async () => {
  const { engine } = await openTiny(ROTARY, OPTIONS);
  const other = (await openTiny(ROTARY, OPTIONS)).engine;
  const batch = documents(ROTARY, [8]);
  await refuses(() => engine.accumulate(documents(ROTARY, [65])), 'shape', /65 tokens/);
  for (const each of [engine, other]) {
    await each.accumulate(batch);
    assert.ok((await each.update(UPDATE)).applied);
  }
  const [one, two] = [engine, other].map((each) => each.read('embedding', 'value'));
  assert.equal(await one, await two);
  other.dispose();
  engine.dispose();
});

// --------------------------------------------------------------------------------- lifetimes

/** What keeps an engine busy for some hundred milliseconds. */
const BUSY: ModelSpec = {
  ...ROTARY,
  hiddenSize: 128,
  embeddingSize: 128,
  intermediateSize: 512,
  layers: 8,
};

test('dispose during work: calls made before end well, later ones are refused', async () => {
  const engine = createEngine(BUSY, { ...OPTIONS, maxTokens: 1024 });
  const batch = documents(BUSY, Array(16).fill(64));
  const before = [engine.accumulate(batch), engine.evaluate(batch)];
  engine.dispose();
  engine.dispose();
  await refuses(() => engine.evaluate(batch), 'disposed', /disposed/);
  await refuses(() => engine.read('embedding', 'value'), 'disposed', /disposed/);
  await refuses(() => engine.plan(), 'disposed', /disposed/);
  for (const { tokens } of await Promise.all(before)) assert.ok(tokens > 0);
});

test('two engines at once give what each gives alone', async () => {
  const batch = documents(BUSY, Array(8).fill(64));
  const open = () => openTiny(BUSY, { ...OPTIONS, maxTokens: 512 });
  const alone = await open();
  const expected = await alone.engine.accumulate(batch);
  const pair = [await open(), await open()];
  const sums = await Promise.all(pair.map(({ engine }) => engine.accumulate(batch)));
  assert.equal(sums, [expected, expected]);
  for (const { engine } of [alone, ...pair]) engine.dispose();
});

const threads = () =>
  Number(/Threads:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]);

if (process.platform === 'linux') {
  test('a disposed engine keeps no thread', async () => {
    const rest = () => new Promise((resolve) => setTimeout(resolve, 50));
    await rest();
    const before = threads();
    for (let i = 0; i < 8; i++) {
      const engine = createEngine(ROTARY, OPTIONS);
      await engine.evaluate(documents(ROTARY, [4]));
      engine.dispose();
    }
    await rest();
    assert.ok(threads() <= before, `${before} threads became ${threads()}`);
  });
}

/** Runs a script in a process of its own that knows the addon's path, a model and a batch. */
function runAlone(script: string): void {
  const known = {
    path: addonPaths().find((path) => existsSync(path)),
    spec: { ...BUSY, inverseFrequencies: [...BUSY.inverseFrequencies] },
    options: { ...OPTIONS, maxTokens: 1024 },
  };
  const program = `
    const known = ${JSON.stringify(known)};
    const spec = { ...known.spec, inverseFrequencies: Float32Array.from(known.spec.inverseFrequencies) };
    const positions = Int32Array.from({ length: 1024 }, (_, i) => i % 64);
    const segments = Int32Array.from({ length: 17 }, (_, i) => 64 * i);
    const batch = { tokens: positions.map((p) => p % 40), targets: positions.map((p) => p % 40), positions, segments };
    function work() {
      const engine = new (require(known.path).Engine)(spec, known.options);
      for (let i = 0; i < 40; i++) engine.accumulate(batch).catch(() => {});
    }
    ${script}`;
  const file = join(temporary(), 'alone.cjs');
  writeFileSync(file, program);
  const { status, signal, stderr } = spawnSync(process.execPath, [file], {
    timeout: 20_000,
    encoding: 'utf8',
    env: { ...process.env, OMP_NUM_THREADS: '8', OMP_WAIT_POLICY: 'active' },
  });
  assert.is(signal, null, stderr);
  assert.is(status, 0, stderr);
}

test('the process may exit during a step: the engine stops before the libraries it uses', () => {
  runAlone(`
    const threads = () => process.platform !== 'linux' ? 0
      : Number(/Threads:\\s+(\\d+)/.exec(require('node:fs').readFileSync('/proc/self/status', 'utf8'))[1]);
    work();
    setTimeout(() => {
      const before = threads();
      process.on('exit', () => { process.exitCode = before && threads() >= before ? 1 : 0; });
      process.exit();
    }, 40);`);
});

test('threads of JavaScript may end during a step, and the addon be loaded again', () => {
  runAlone(`
    const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
    async function main() {
      for (let n = 0; n < 8; n++) {
        const worker = new Worker(__filename, { workerData: n % 3 === 1 });
        await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
        await new Promise((resolve) => setTimeout(resolve, 20 + 5 * n));
        await worker.terminate();
      }
      if (process.platform !== 'linux') return;
      // Threads of OpenMP may outlive the worker: their code has to stay.
      const maps = require('node:fs').readFileSync('/proc/self/maps', 'utf8');
      if (!maps.includes(known.path.split('/').pop())) throw new Error('the addon was unloaded');
    }
    if (isMainThread) main();
    else {
      work();
      parentPort.postMessage('busy');
      if (workerData) setTimeout(() => process.exit(0), 30);
    }`);
});

test.run();
