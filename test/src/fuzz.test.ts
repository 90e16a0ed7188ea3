/** The targets of `npm run fuzz`, cut down to a few inputs each; and whether it would notice. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Mutator } from '../../fuzz/mutate.ts';
import { Random } from '../../fuzz/random.ts';
import type { Target } from '../../fuzz/target.ts';
import { loadTarget, targetNames } from '../../fuzz/targets.ts';

/** Tries inputs that are nearly right; how many were accepted. Throws where a parser does not refuse. */
async function tryInputs(target: Target, count: number): Promise<number> {
  const seeds = target.seeds.map((seed) => new Uint8Array(Buffer.from(seed as Uint8Array)));
  const mutator = new Mutator(new Random(3), target, { accepted: seeds, refused: [] });
  let taken = 0;
  for (let i = 0; i < count; i++) {
    const input = seeds[i] ?? mutator.next();
    try {
      await target.run(input);
      taken++;
    } catch (error) {
      const shown = JSON.stringify(Buffer.from(input).toString());
      assert.ok(target.refuses(error), `${shown}: ${(error as Error).stack}`);
    }
  }
  return taken;
}

// Those that take a file system, or a thread that may be ended, are fuzzed alone.
const inProcess = targetNames.filter((name) => !['gzip', 'parquet'].includes(name));
for (const name of inProcess) {
  test(`fuzz ${name}: 150 inputs that are nearly right`, async () => {
    const target = await loadTarget(name);
    const taken = await tryInputs(target, 150);
    assert.ok(taken > 0, `${taken} were accepted`);
  });
}

test('a parser that takes what it must not, or throws what is no refusal, is found', async () => {
  const bad: Target = {
    name: 'bad',
    seeds: ['{"a":[1,2]}'],
    words: ['b'],
    json: true,
    run: (input) => `${JSON.parse(Buffer.from(input).toString()).a.length}`,
    refuses: (error) => error instanceof SyntaxError,
  };
  try {
    await tryInputs(bad, 300);
  } catch (error) {
    return assert.match((error as Error).message, /TypeError/);
  }
  assert.unreachable('nothing was found');
});

test.run();
