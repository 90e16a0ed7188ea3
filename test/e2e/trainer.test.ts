/** SFTTrainer and its neighbours over the real engine, on a small model and a few rows. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { snakeCase } from '../../src/config/table.ts';
import {
  AttuneError,
  evaluate,
  generate,
  inspect,
  mergeAdapter,
  type RunPlan,
  SFTTrainer,
  type StepRecord,
  type TrainOptions,
} from '../../src/index.ts';
import { hasShared, STORIES, temporary } from './shared.ts';

if (hasShared(12)) {
  const dir = temporary();
  const data = join(dir, 'rows.jsonl');
  const words = 'once upon a time there was a little girl who had a red ball and a big dog'.split(
    ' ',
  );
  const text = (i: number) =>
    words.map((_, j) => words[(i * 7 + j * (i + 1)) % words.length]).join(' ');
  const rows = Array.from({ length: 20 }, (_, i) => ({ text: text(i) }));
  writeFileSync(data, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  let runs = 0;
  const options = (more: Partial<TrainOptions> = {}): TrainOptions => ({
    model: STORIES,
    trainFile: data,
    outputDir: join(dir, `run-${runs++}`),
    dtype: 'float32',
    maxLength: 64,
    perDeviceTrainBatchSize: 2,
    learningRate: 5e-3,
    numTrainEpochs: 1,
    loggingSteps: 1,
    ...more,
  });
  const metrics = (out: string) =>
    readFileSync(join(out, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  const cli = join(import.meta.dirname, '../../src/cli.ts');
  const attune = (...words: string[]) =>
    spawnSync(process.execPath, ['--import', 'tsx', cli, ...words], { encoding: 'utf8' });
  const inSnakeCase = (value: object) =>
    Object.fromEntries(Object.entries(value).map(([name, inner]) => [snakeCase(name), inner]));
  const code = (error: unknown) => (error as AttuneError).code;

  test('an epoch of LoRA: events, metrics, evaluation, result', async () => {
    const given = options({ evalFile: data, evalStrategy: 'steps', evalSteps: 5 });
    const trainer = new SFTTrainer(given);
    const seen: string[] = [];
    let plan: RunPlan | undefined;
    trainer.on('plan', (event) => {
      plan = event;
    });
    for (const name of ['accounting', 'plan', 'evaluate', 'save', 'end'] as const) {
      trainer.on(name, () => seen.push(name));
    }
    const result = await trainer.train();
    assert.equal(seen, ['accounting', 'plan', 'evaluate', 'evaluate', 'save', 'end']);
    assert.is(plan?.totalSteps, 10);
    const asked = [
      'info',
      '--json',
      '--model',
      STORIES,
      '--dtype',
      'float32',
      '--max-length',
      '64',
    ];
    const info = attune(...asked, '--per-device-train-batch-size', '2');
    const { device, encoders, checkpoint, total, ...classes } = plan!.memory;
    const { device: ofInfo, total: infoTotal, ...infoClasses } = JSON.parse(info.stdout).plan;
    assert.equal(infoClasses, inSnakeCase(classes));
    assert.is(total - device - encoders - checkpoint, infoTotal - ofInfo);
    assert.ok(device > 0 && checkpoint > 0);
    assert.equal([result.steps, result.skipped, result.accounting.read], [10, 0, 20]);
    const rows = metrics(given.outputDir!);
    assert.is(rows.length, 12);
    assert.is(rows.at(-1).step, 10);
    assert.is(rows.filter((row) => row.loss !== undefined).at(-1).epoch, 1);
    assert.is(rows.at(-1).eval_loss, result.evalLoss);
    const files = readdirSync(given.outputDir!).sort();
    assert.equal(files, [
      'adapter_config.json',
      'adapter_model.safetensors',
      'checkpoint-10',
      'latest',
      'metrics.jsonl',
      'report.html',
      'run.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const adapter = given.outputDir!;
    const base = await evaluate({ model: STORIES, data, dtype: 'float32', maxLength: 64 });
    const tuned = await evaluate({
      model: STORIES,
      adapter,
      data,
      dtype: 'float32',
      maxLength: 64,
    });
    assert.ok(tuned.nll < base.nll);
    assert.ok(Math.abs(tuned.nll - result.evalLoss!) < 1e-5);

    const outputDir = join(dir, 'merged');
    await mergeAdapter({ model: STORIES, adapter, outputDir });
    const merged = await evaluate({ model: outputDir, data, dtype: 'float32', maxLength: 64 });
    assert.ok(Math.abs(merged.nll - tuned.nll) < 1e-5);
    const more = await new SFTTrainer(options({ adapter, maxSteps: 1 })).train();
    assert.ok(more.loss < base.nll);
  });

  test('a result keeps the chat template that it was trained with', async () => {
    const chats = join(dir, 'chats.jsonl');
    const messages = [
      { role: 'user', content: 'red' },
      { role: 'assistant', content: 'ball' },
    ];
    writeFileSync(chats, `${JSON.stringify({ messages })}\n`);
    const chatTemplatePath = join(dir, 'own.jinja');
    const template =
      "{% for m in messages %}{{ m.role + ':' + m.content + '\\n' }}{% endfor %}" +
      "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}";
    writeFileSync(chatTemplatePath, template);
    const given = options({ trainFile: chats, maxSteps: 1, chatTemplatePath });
    await new SFTTrainer(given).train();
    const adapter = given.outputDir!;
    const full = options({ trainFile: chats, maxSteps: 1, chatTemplatePath, method: 'full' });
    await new SFTTrainer(full).train();
    const outputDir = join(dir, 'merged-chat');
    await mergeAdapter({ model: STORIES, adapter, outputDir });
    for (const out of [adapter, full.outputDir!, outputDir]) {
      assert.is(readFileSync(join(out, 'chat_template.jinja'), 'utf8'), template);
    }
    const same = { model: STORIES, adapter, dtype: 'float32' } as const;
    const evaluated = await evaluate({ ...same, data: chats });
    assert.ok(evaluated.tokens > 0);
    const { promptIds } = await generate({ ...same, messages: [messages[0]!], maxNewTokens: 1 });
    assert.ok(promptIds.length > 5);
  });

  test('steps one by one; full fine-tuning, packed, without a limit of length', async () => {
    const trainer = new SFTTrainer(options({ method: 'full', packing: 'bfd', maxSteps: 3 }));
    const steps: StepRecord[] = [];
    for await (const step of trainer.steps()) steps.push(step);
    assert.equal(
      steps.map(({ step }) => step),
      [1, 2, 3],
    );
    assert.ok(steps[2]!.loss < steps[0]!.loss);
    const free = await new SFTTrainer(options({ maxLength: null, maxSteps: 1 })).train();
    assert.is(free.steps, 1);
  });

  test('leaving the steps early frees the directory and saves nothing', async () => {
    const given = options();
    for await (const _ of new SFTTrainer(given).steps()) break;
    // What says how it went, but no weights.
    assert.equal(readdirSync(given.outputDir!), ['metrics.jsonl', 'report.html', 'run.json']);
    await new SFTTrainer({ ...given, maxSteps: 1 }).train();
  });

  test('an abort ends the run after the step, with the result so far', async () => {
    const controller = new AbortController();
    const given = options({ maxSteps: 100 });
    const trainer = new SFTTrainer({ ...given, signal: controller.signal });
    trainer.on('step', ({ step }) => step === 2 && controller.abort());
    const error = await trainer.train().catch((caught: unknown) => caught);
    assert.instance(error, AttuneError);
    assert.is(code(error), 'aborted');
    assert.match((error as Error).message, /after step 2; the result so far is in/);
    assert.ok(existsSync(join(given.outputDir!, 'adapter_model.safetensors')));
    const early = new SFTTrainer({ ...options(), signal: AbortSignal.abort() });
    assert.is(code(await early.train().catch((caught: unknown) => caught)), 'aborted');
  });

  test('max_steps ends the run at once, with an account of the rows read by then', async () => {
    const large = join(dir, 'large.jsonl');
    writeFileSync(
      large,
      Array.from({ length: 20_000 }, (_, i) => `${JSON.stringify({ text: text(i) })}\n`).join(''),
    );
    const given = options({ trainFile: large, maxSteps: 1 });
    const { accounting } = await new SFTTrainer(given).train();
    assert.is(accounting.available, 20_000);
    assert.ok(accounting.read > 0 && accounting.read < 20_000, String(accounting.read));
    assert.is(accounting.read, accounting.trained);
  });

  test('an abort while evaluating ends the run, with the result so far', async () => {
    const controller = new AbortController();
    const evaluation = { evalFile: data, evalStrategy: 'steps', evalSteps: 1 } as const;
    const given = options({ ...evaluation, maxSteps: 9 });
    const trainer = new SFTTrainer({ ...given, signal: controller.signal });
    trainer.on('log', () => controller.abort());
    trainer.on('evaluate', () => assert.unreachable('the evaluation went on'));
    const error = await trainer.train().catch((caught: unknown) => caught);
    assert.is(code(error), 'aborted');
    assert.ok(existsSync(join(given.outputDir!, 'adapter_model.safetensors')));
  });

  test('the last step is evaluated, and rows that are not evaluated whole are reported', async () => {
    for (const [evalStrategy, steps] of [
      ['steps', [2, 3]],
      ['epoch', [3]],
    ] as const) {
      const more = { evalFile: data, evalStrategy, evalSteps: 2, maxSteps: 3, maxLength: 20 };
      const trainer = new SFTTrainer(options(more));
      const seen: number[] = [];
      const notes: string[] = [];
      trainer.on('evaluate', ({ step }) => seen.push(step));
      trainer.on('warning', (note) => notes.push(note));
      await trainer.train();
      assert.equal(seen, steps);
      const note = 'eval_file: rows: read 20 = evaluated 20 + left out 0, 18 truncated';
      assert.equal(notes.slice(1), [note]);
    }
  });

  test('two runs cannot share a directory, and a trainer runs once', async () => {
    const given = options();
    const first = new SFTTrainer(given);
    const steps = first.steps();
    await steps.next();
    const second = await new SFTTrainer(given).train().catch((caught: unknown) => caught);
    assert.match((second as Error).message, /is in use by process/);
    await steps.return();
    const again = await first.train().catch((caught: unknown) => caught);
    assert.is(code(again), 'config');
  });

  test('an error in the data ends the run with its file and line', async () => {
    const broken = join(dir, 'broken.jsonl');
    writeFileSync(broken, `${JSON.stringify(rows[0])}\n{"text": \n`);
    for (const maxSteps of [-1, 50]) {
      const run = new SFTTrainer(options({ trainFile: broken, maxSteps })).train();
      const error = await run.catch((caught: unknown) => caught);
      assert.is(code(error), 'data');
      assert.ok((error as Error).message.startsWith(`${broken}:2:`), (error as Error).message);
    }
  });

  test('the same seed gives the same bits', async () => {
    const losses = async () => {
      const seen: number[] = [];
      for await (const { loss } of new SFTTrainer(options({ loraDropout: 0.1 })).steps())
        seen.push(loss);
      return seen;
    };
    assert.equal(await losses(), await losses());
  });

  test('inspect yields every row', async () => {
    let count = 0;
    for await (const row of inspect(options())) assert.is(row.index, count++);
    assert.is(count, 20);
  });
}

test.run();
