import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../../src/config/file.ts';
import { parseFlags } from '../../../src/config/flags.ts';
import { type Resolved, resolveConfig, resolveOptions } from '../../../src/config.ts';
import { AttuneError } from '../../../src/errors.ts';

const base = { model: 'm', trainFile: 'a.jsonl' };
const flags = (...words: string[]): Resolved =>
  resolveConfig(parseFlags(['--model', 'm', '--train-file', 'a.jsonl', ...words]));
const file = async (text: string, path = 'run.yaml'): Promise<Resolved> =>
  resolveConfig(await parseConfig(path, `model: m\ntrain_file: a.jsonl\n${text}`));

async function refused(call: () => unknown, expected: string): Promise<void> {
  try {
    await call();
  } catch (error) {
    assert.instance(error, AttuneError);
    assert.is((error as AttuneError).code, 'config');
    assert.is((error as AttuneError).message, expected);
    return;
  }
  assert.unreachable(`nothing was thrown; expected ${expected}`);
}

test('defaults are TRL’s, LoRA’s rate ten times that of full fine-tuning', () => {
  const { config, notes } = resolveOptions(base);
  assert.is(config.learningRate, 2e-4);
  assert.is(resolveOptions({ ...base, method: 'full' }).config.learningRate, 2e-5);
  assert.is(config.maxLength, 1024);
  assert.is(config.evalSteps, 10);
  assert.equal(config.trainFile, ['a.jsonl']);
  assert.equal(notes, []);
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.trainFile));
});

test('a file takes snake_case and camelCase, and flags win over it', async () => {
  const entries = await parseConfig(
    'run.yaml',
    'model: m\ntrain_file: [a, b]\nmaxSteps: 5\nlora_r: 4',
  );
  const { config } = resolveConfig([...entries, ...parseFlags(['--lora-r', '8', '--seed=7'])]);
  assert.equal(config.trainFile, ['a', 'b']);
  assert.is(config.maxSteps, 5);
  assert.is(config.loraR, 8);
  assert.is(config.seed, 7);
});

test('JSON is read as well', async () => {
  const entries = await parseConfig(
    'run.json',
    '{"model": "m", "train_file": "a", "learning_rate": 1e-3}',
  );
  assert.is(resolveConfig(entries).config.learningRate, 1e-3);
});

test('flags: several values, negation, null, JSON and numbers', () => {
  const { config } = flags(
    ...['--eval-file', 'x', 'y', '--eval-strategy', 'epoch', '--max-length', 'null'],
    ...['--lora-target-modules', 'q_proj,v_proj', '--no-assistant-only-loss', '--max-steps', '-1'],
    ...[
      '--lr-scheduler-type',
      'cosine',
      '--lr-scheduler-kwargs',
      '{"num_cycles": 2}',
      '--use-rslora',
    ],
  );
  assert.equal(config.evalFile, ['x', 'y']);
  assert.is(config.maxLength, null);
  assert.equal(config.loraTargetModules, ['q_proj', 'v_proj']);
  assert.is(config.assistantOnlyLoss, false);
  assert.is(config.maxSteps, -1);
  assert.equal(config.lrSchedulerKwargs, { num_cycles: 2 });
  assert.is(config.useRslora, true);
});

test('an unknown key names its place and the nearest known one', async () => {
  await refused(
    () => file('learning_rte: 1'),
    'run.yaml:3: learning_rte: unknown key; did you mean learning_rate?',
  );
  await refused(
    () => file('maxStep: 1'),
    'run.yaml:3: maxStep: unknown key; did you mean maxSteps?',
  );
  await refused(
    () => flags('--lora-rank', '4'),
    '--lora-rank: unknown key; did you mean --lora-r?',
  );
  await refused(
    () => resolveOptions({ ...base, modle: 1 }),
    'modle: unknown key; did you mean model?',
  );
});

test('a wrong value says what was expected and what was received', async () => {
  await refused(
    () => file('learning_rate: fast'),
    'run.yaml:3: learning_rate: expected a number of 0 or more, received "fast"',
  );
  await refused(
    () => flags('--lora-r', '0'),
    '--lora-r: expected an integer of 1 or more, received 0',
  );
  await refused(() => flags('--seed'), '--seed: expected an integer of 0 or more, received true');
  await refused(
    () => flags('--method', 'qlora'),
    '--method: expected one of lora, full, received "qlora"',
  );
  await refused(
    () => file('warmup_steps: 1.5'),
    'run.yaml:3: warmup_steps: expected a number of steps, 0, or a share of the run between 0 and 1, received 1.5',
  );
  await refused(() => parseFlags(['word']), 'unexpected "word"; flags are --key value');
});

test('a device has a name', async () => {
  for (const device of ['auto', 'cpu', 'cuda', 'cuda:3'])
    assert.is(flags('--device', device).config.device, device);
  for (const device of ['gpu', 'cuda:', 'cuda:x', 'mps'])
    await refused(
      () => flags('--device', device),
      `--device: expected auto, cpu, cuda or cuda:N, received "${device}"`,
    );
  assert.is(flags('--tf32').config.tf32, true);
  assert.is((await file('tf32: null')).config.tf32, null);
});

test('what is required is required', async () => {
  await refused(() => resolveOptions({}), 'model is required');
  await refused(() => resolveOptions({ model: 'm' }), 'train_file: is required');
});

test('keys that would reach a prototype are refused', async () => {
  await refused(() => file('__proto__: {a: 1}'), 'run.yaml:3: key "__proto__" is not allowed');
  assert.throws(() => flags('--constructor', 'x'), /unknown key/);
});

test('a list is given once, its values one behind another', async () => {
  await refused(
    () => flags('--train-file', 'a.jsonl', '--train-file', 'b.jsonl'),
    '--train-file: was given before as --train-file; several values go behind one --train-file',
  );
  await refused(() => flags('--seed', '1', '--seed', '2'), '--seed: was given before as --seed');
});

test('broken YAML, a list, a key given twice', async () => {
  await refused(() => parseConfig('x.yaml', '- a'), 'x.yaml:1: expected keys and values');
  await refused(() => file('seed: 1\nseed: 2'), 'run.yaml:4: Map keys must be unique');
  await refused(
    () => file('max_steps: 1\nmaxSteps: 2'),
    'run.yaml:4: maxSteps: was given before as run.yaml:3: max_steps',
  );
  assert.equal(await parseConfig('x.yaml', '# nothing'), []);
});

test('null is the default unless it is a value', async () => {
  const { config } = await file('seed: null\nmax_length: null\nlearning_rate: null');
  assert.is(config.seed, 42);
  assert.is(config.maxLength, null);
  assert.is(config.learningRate, 2e-4);
});

test('TRL’s spellings', async () => {
  const { config, notes } = await file(
    `packing: true\npacking_strategy: bfd_split\nbf16: true\nuse_peft: true\nshuffle_dataset: true
lr_scheduler_type: cosine\nlr_scheduler_kwargs: '{"num_cycles": 1}'\nreport_to: none
gradient_checkpointing: true\ndataset_num_proc: 3\nload_in_4bit: false\noptim: adamw_torch_fused
warmup_ratio: 0.1\nloss_type: chunked_nll`,
  );
  assert.is(config.packing, 'bfd_split');
  assert.is(config.dtype, 'bfloat16');
  assert.is(config.method, 'lora');
  assert.is(config.shuffle, true);
  assert.equal(config.lrSchedulerKwargs, { num_cycles: 1 });
  assert.is(config.datasetNumProc, 3);
  assert.is(config.warmupSteps, 0.1);
  assert.is(config.lossType, 'nll');
  assert.equal(notes, [
    'run.yaml:11: gradient_checkpointing has no meaning here: memory is planned by the engine (recompute_layers overrides it)',
    'run.yaml:14: optim has no meaning here: AdamW is the optimizer',
  ]);
  assert.is(flags('--packing').config.packing, 'bfd');
  assert.is(flags('--packing', 'wrapped').config.packing, 'wrapped');
  assert.is(flags('--warmup-ratio', '0.1').config.warmupSteps, 0.1);
  assert.is(
    resolveConfig(parseFlags(['--model-name-or-path', 'x', '--train-file', 'y'])).config.model,
    'x',
  );
});

test('what is not built yet is refused with that reason', async () => {
  await refused(() => flags('--use-dora'), '--use-dora: DoRA is not built yet');
  await refused(() => flags('--dataset', 'a/b'), '--dataset: give train_file or dataset, not both');
  await refused(
    () => flags('--lora-modules-to-save', 'lm_head'),
    '--lora-modules-to-save: modules trained whole beside an adapter are not built yet',
  );
  await refused(
    () => flags('--neftune-noise-alpha', '5'),
    '--neftune-noise-alpha: noise on the embeddings is not built yet',
  );
  await refused(
    () => flags('--report-to', 'wandb'),
    '--report-to: reports besides metrics.jsonl are not built yet; use none',
  );
  await refused(
    () => flags('--load-in-4bit', 'true'),
    '--load-in-4bit: quantised weights are not built yet',
  );
  await refused(() => flags('--fp16'), '--fp16: training in float16 is not built; use bf16');
  await refused(
    () => flags('--eos-token', '</s>'),
    '--eos-token: another EOS token than the tokenizer’s is not built yet',
  );
  await refused(
    () => flags('--optim', 'adafactor'),
    '--optim: "adafactor" is not built; use adamw_torch',
  );
});

test('combinations that make no sense are refused', async () => {
  await refused(
    () => flags('--save-strategy', 'best'),
    '--save-strategy: best needs eval_strategy steps or epoch',
  );
  const best = ['--load-best-model-at-end', '--eval-file', 'e.jsonl', '--eval-strategy', 'steps'];
  await refused(
    () => flags(...best, '--eval-steps', '5'),
    '--load-best-model-at-end: needs a checkpoint of every evaluation: save_strategy best, or the same as eval_strategy with the same steps',
  );
  assert.ok(flags(...best, '--eval-steps', '10', '--save-steps', '5').config.loadBestModelAtEnd);
  await refused(() => flags('--packing', '--max-length', 'null'), '--packing: needs max_length');
  await refused(
    () => flags('--packing', '--train-sampling-strategy', 'group_by_length'),
    '--train-sampling-strategy: group_by_length does nothing for packed rows; use random',
  );
  await refused(() => flags('--eval-strategy', 'epoch'), '--eval-strategy: needs eval_file');
  await refused(
    () => flags('--adapter', 'a', '--method', 'full'),
    '--adapter: an adapter is trained with method lora; merge it first to train every weight',
  );
  await refused(
    () => flags('--loss-type', 'dft', '--label-smoothing-factor', '0.1'),
    '--label-smoothing-factor: needs loss_type nll',
  );
  await refused(
    () => flags('--shuffle', 'true', '--train-sampling-strategy', 'sequential'),
    '--shuffle: true contradicts train_sampling_strategy sequential',
  );
  await refused(
    () => flags('--lr-scheduler-type', 'reduce_lr_on_plateau'),
    '--lr-scheduler-type: reduce_lr_on_plateau needs eval_strategy steps or epoch',
  );
  await refused(
    () => flags('--method', 'full', '--output-dir', './m'),
    '--output-dir: is the model’s own directory, whose weights would be replaced',
  );
  assert.is(flags('--shuffle', 'false').config.trainSamplingStrategy, 'sequential');
});

test('keys without effect are said to have none', () => {
  assert.equal(flags('--adapter', 'a', '--lora-r', '8').notes, [
    '--lora-r is not used: the adapter’s own holds',
  ]);
  assert.equal(flags('--eval-file', 'x').notes, ['--eval-file is not used: eval_strategy is no']);
  assert.equal(flags('--max-steps', '3', '--num-train-epochs', '1').notes, [
    '--num-train-epochs is not used: max_steps wins',
  ]);
});

test.run();
