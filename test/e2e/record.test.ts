/** Runs that were recorded, replayed by the native program: on the processor bit for bit. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SFTTrainer, type TrainOptions } from '../../src/index.ts';
import { hasShared, STORIES, temporary } from './shared.ts';

const replayer = join(import.meta.dirname, '../../build/attune_replay');
const built = existsSync(replayer);
if (!built) console.log('SKIPPED 6: attune_replay is not built: npm run test:kernels');

if (built && hasShared(6)) {
  const dir = temporary();
  const data = join(dir, 'rows.jsonl');
  const text = (i: number) => `once upon a time there were ${'red and '.repeat(i % 5)}blue balls`;
  writeFileSync(
    data,
    Array.from({ length: 12 }, (_, i) => `${JSON.stringify({ text: text(i) })}\n`).join(''),
  );

  /** Five steps of two micro-batches, recorded. */
  async function record(name: string, options: Partial<TrainOptions>) {
    const trainer = new SFTTrainer({
      model: STORIES,
      trainFile: data,
      outputDir: join(dir, `${name}-output`),
      maxLength: 48,
      perDeviceTrainBatchSize: 1,
      gradientAccumulationSteps: 2,
      maxSteps: 5,
      learningRate: 1e-3,
      record: join(dir, name),
      ...options,
    } as TrainOptions);
    const losses: number[] = [];
    for await (const { loss } of trainer.steps()) losses.push(loss);
    return losses;
  }

  function replay(name: string, ...words: string[]) {
    const { stdout, stderr, status } = spawnSync(replayer, [join(dir, name), ...words], {
      encoding: 'utf8',
    });
    return { status, stderr, result: stdout ? JSON.parse(stdout) : null };
  }

  for (const method of ['lora', 'full'] as const) {
    for (const dtype of ['float32', 'bfloat16'] as const) {
      test(`${method} in ${dtype}: the same bits here, close on the CUDA kernels`, async () => {
        const name = `${method}-${dtype}`;
        // The second step is the one that is replayed from a recorded graph.
        const steps = method === 'lora' ? '2' : '1';
        const losses = await record(name, { method, dtype, loraDropout: 0.1 });
        const same = replay(name, '--exact', 'true');
        assert.is(same.status, 0, JSON.stringify(same));
        assert.is(same.result.equal, true);
        assert.equal(same.result.recorded_loss, losses);
        const other = replay(name, '--device', 'cuda-host', '--steps', steps, '--plan', '0');
        assert.is(other.status, 0, JSON.stringify(other));
        assert.is(other.result.equal, false);
        assert.is(other.result.steps, Number(steps));
      });
    }
  }

  test('a tolerance that is not met, and requests that are wrong', async () => {
    await record('strict', { dtype: 'float32' });
    const strict = ['--device', 'cuda-host', '--steps', '1', '--loss', '0'];
    assert.is(replay('strict', ...strict).status, 1);
    for (const [name, words, message] of [
      ['nothing', [], /record\.bin: cannot be read/],
      ['strict', ['--devise', 'cpu'], /--devise is unknown; there are --device/],
      ['strict', ['--steps', 'x'], /--steps: x is no number/],
    ] as const) {
      const { status, stderr } = replay(name, ...words);
      assert.is(status, 2);
      assert.match(stderr, message);
    }
  });

  test('a directory of other things is left alone', async () => {
    const files = join(dir, 'other/files');
    mkdirSync(files, { recursive: true });
    writeFileSync(join(files, 'kept'), '');
    try {
      await record('other', {});
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, /^record: .*files belongs to no record$/);
    }
    assert.ok(existsSync(join(files, 'kept')));
  });
}

test.run();
