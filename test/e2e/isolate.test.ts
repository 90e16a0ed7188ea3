/** SFTTrainer in a process of its own: the same run, through a crash, an abort and leaving early. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type AttuneError,
  SFTTrainer,
  type StepRecord,
  type TrainOptions,
  type TrainResult,
} from '../../src/index.ts';
import { hasShared, STORIES, temporary } from './shared.ts';

const CHILDREN = `/proc/self/task/${process.pid}/children`;

/** Processes of this one that train. */
function children(): number[] {
  const all = readFileSync(CHILDREN, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  return all.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('isolated'));
}

if (!existsSync(CHILDREN)) console.log('SKIPPED 3: no /proc with the children of a process');
else if (hasShared(3)) {
  const dir = temporary();
  const trainFile = join(dir, 'rows.jsonl');
  const rows = Array.from({ length: 16 }, (_, i) => ({ text: `once upon a time ${i} red balls` }));
  writeFileSync(trainFile, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  let runs = 0;
  const options = (more: Partial<TrainOptions> = {}): TrainOptions => ({
    model: STORIES,
    trainFile,
    outputDir: join(dir, `run-${runs++}`),
    dtype: 'float32',
    perDeviceTrainBatchSize: 2,
    numTrainEpochs: 1,
    loraDropout: 0.1,
    ...more,
  });
  const rejection = (promise: Promise<unknown>): Promise<AttuneError> =>
    promise.then(
      () => assert.unreachable('nothing was refused') as never,
      (error: AttuneError) => error,
    );
  /** What a run gives, but for the time it took and where. */
  const essence = (result: TrainResult) => {
    const { seconds: _, tokensPerSecond: __, outputDir, ...rest } = result;
    return {
      ...(rest as object),
      weights: readFileSync(join(outputDir, 'adapter_model.safetensors')),
    };
  };

  test('a crash changes nothing but the time a run takes', async () => {
    const losses: number[][] = [[], []];
    const here = new SFTTrainer(options());
    here.on('step', ({ loss }) => losses[0]!.push(loss));
    const expected = essence(await here.train());

    const there = new SFTTrainer(options({ isolate: true }));
    const reasons: string[] = [];
    there.on('restart', ({ reason }) => reasons.push(reason));
    there.on('step', ({ step, loss }) => {
      losses[1]!.push(loss);
      if (step === 3) process.kill(children()[0]!, 'SIGSEGV');
    });
    assert.equal(essence(await there.train()), expected);
    assert.equal(losses[1], losses[0]);
    assert.is(reasons.length, 1);
    assert.match(reasons[0]!, /ended by SIGSEGV after step 3/);
    assert.equal(children(), []);
  });

  test('what makes no step is not tried again', async () => {
    const trainer = new SFTTrainer(options({ isolate: true }));
    trainer.on('plan', () => process.kill(children()[0]!, 'SIGKILL'));
    const { code, message } = await rejection(trainer.train());
    assert.is(code, 'crashed');
    assert.match(message, /ended by SIGKILL after step 0; .* memory/);
  });

  test('an abort ends it after the step; leaving early ends the process', async () => {
    const controller = new AbortController();
    const trainer = new SFTTrainer({ ...options({ isolate: true }), signal: controller.signal });
    trainer.on('step', ({ step }) => step === 2 && controller.abort());
    assert.is((await rejection(trainer.train())).code, 'aborted');
    const seen: StepRecord[] = [];
    for await (const record of new SFTTrainer(options({ isolate: true })).steps()) {
      seen.push(record);
      if (seen.length === 2) break;
    }
    assert.equal(children(), []);
  });
}

test.run();
