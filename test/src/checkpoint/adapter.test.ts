import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { adapterFiles, adapterSpec, openAdapter } from '../../../src/checkpoint/adapter.ts';
import { parseAdapterConfig } from '../../../src/checkpoint/adapterconfig.ts';
import { writeFiles } from '../../../src/checkpoint/files.ts';
import { selectModules, targetNames } from '../../../src/checkpoint/targets.ts';
import { openModel } from '../../../src/train/model.ts';
import { rejects, temporary, writer } from './files.ts';

const golden = fileURLToPath(new URL('../../golden/', import.meta.url));
const { descriptor, spec } = await openModel(join(golden, 'models/llama'));
const opt = await openModel(join(golden, 'models/opt350'));
const settings = { peft_type: 'LORA', r: 4, lora_alpha: 8, target_modules: ['q_proj'] };
const config = { rank: 4, alpha: 8, dropout: 0.5, rsLora: true, baseModel: 'base', revision: null };

for (const name of ['llama', 'llama3', 'opt', 'opt350']) {
  test(`PEFT’s adapter of ${name} is read, and its tensors are written under the same header`, async () => {
    const model = await openModel(join(golden, 'models', name), join(golden, 'adapters', name));
    const { adapter } = model;
    assert.ok(adapter);
    assert.is(adapter.reads.length, 2 * adapter.modules.length);
    const dir = temporary();
    await writeFiles(
      dir,
      adapterFiles(writer, model.descriptor, model.spec, adapter.config, adapter.modules),
    );
    const header = (path: string) => {
      const file = readFileSync(join(path, 'adapter_model.safetensors'));
      return file
        .subarray(0, 8 + Number(file.readBigUInt64LE()))
        .toString()
        .trimEnd();
    };
    assert.is(header(dir), header(join(golden, 'adapters', name)));
  });
}

test('an adapter that is read and written again is the same to the byte', async () => {
  const first = temporary();
  const second = temporary();
  const modules = selectModules(descriptor, spec, ['q_proj', 'down_proj']);
  await writeFiles(first, adapterFiles(writer, descriptor, spec, config, modules));
  const read = await openAdapter(first, descriptor, spec);
  assert.equal(read.modules, modules);
  await writeFiles(second, adapterFiles(writer, descriptor, spec, read.config, read.modules));
  for (const name of ['adapter_config.json', 'adapter_model.safetensors']) {
    assert.equal(readFileSync(join(second, name)), readFileSync(join(first, name)), name);
  }
});

test('adapter_config.json has PEFT’s keys, sorted, indented by two', async () => {
  const dir = temporary();
  const modules = selectModules(descriptor, spec, 'all-linear');
  await writeFiles(dir, adapterFiles(writer, descriptor, spec, config, modules));
  const text = readFileSync(join(dir, 'adapter_config.json'), 'utf8');
  const json = JSON.parse(text);
  assert.is(text, JSON.stringify(json, null, 2));
  assert.equal(Object.keys(json), Object.keys(json).sort());
  assert.equal(json.target_modules, [
    'down_proj',
    'gate_proj',
    'k_proj',
    'o_proj',
    'q_proj',
    'up_proj',
    'v_proj',
  ]);
  assert.is(json.base_model_name_or_path, 'base');
  assert.is(json.use_rslora, true);
});

test('the scale is alpha / r, or alpha / √r', () => {
  assert.is(adapterSpec({ ...config, rsLora: false }, []).scale, 2);
  assert.is(adapterSpec(config, []).scale, 4);
});

test('targets are whole names or their last parts; a name without a match is an error', async () => {
  assert.equal(selectModules(descriptor, spec, ['model.layers.1.self_attn.q_proj']), [
    'layers.1.q',
  ]);
  assert.equal(targetNames(descriptor, spec, ['layers.1.q']), ['model.layers.1.self_attn.q_proj']);
  assert.is(selectModules(descriptor, spec, ['self_attn.q_proj']).length, spec.layers);
  const last = targetNames(
    opt.descriptor,
    opt.spec,
    selectModules(opt.descriptor, opt.spec, 'all-linear'),
  );
  assert.equal(last, [
    'fc1',
    'fc2',
    'k_proj',
    'out_proj',
    'project_in',
    'project_out',
    'q_proj',
    'v_proj',
  ]);
  await rejects(
    () => selectModules(descriptor, spec, ['proj']),
    'config',
    'is called "proj"; there are down_proj, ',
  );
  await rejects(() => selectModules(descriptor, spec, ['lm_head']), 'config', 'lm_head');
});

const refused: [Record<string, unknown>, string][] = [
  [{ use_dora: true }, 'use_dora: true is not supported'],
  [{ bias: 'all' }, 'bias: "all" is not supported'],
  [{ rank_pattern: { q: 2 } }, 'rank_pattern: {"q":2} is not supported'],
  [{ alpha_pattern: { q: 2 } }, 'alpha_pattern'],
  [{ modules_to_save: ['lm_head'] }, 'modules_to_save: ["lm_head"] is not supported'],
  [{ lora_bias: true }, 'lora_bias: true'],
  [{ trainable_token_indices: [1] }, 'trainable_token_indices'],
  [{ peft_type: 'IA3' }, 'peft_type: expected "LORA", received "IA3"'],
  [{ r: 0 }, 'r: expected a positive integer, received 0'],
  [{ r: null }, 'r: expected a positive integer, received null'],
  [
    { lora_alpha: Number.POSITIVE_INFINITY },
    'lora_alpha: expected a positive number, received null',
  ],
  [{ lora_alpha: 'x' }, 'lora_alpha: expected a positive number, received "x"'],
  [{ lora_dropout: 1 }, 'lora_dropout'],
  [{ target_modules: null }, 'target_modules: expected a list of names, received null'],
];
for (const [change, message] of refused) {
  test(`adapter_config.json is refused: ${message}`, () =>
    rejects(
      () => parseAdapterConfig('a.json', { ...settings, ...change }),
      'checkpoint',
      `a.json: ${message}`,
    ));
}

test('PEFT’s switches that are off are fine', () => {
  const off = {
    rank_pattern: {},
    modules_to_save: null,
    use_dora: false,
    target_modules: 'all-linear',
  };
  assert.is(parseAdapterConfig('a.json', { ...settings, ...off }).targets, 'all-linear');
});

test('a pickled adapter is not read, and a pickle beside safetensors changes nothing', async () => {
  const dir = temporary();
  writeFileSync(join(dir, 'adapter_config.json'), JSON.stringify(settings));
  writeFileSync(join(dir, 'adapter_model.bin'), '');
  await rejects(
    () => openAdapter(dir, descriptor, spec),
    'checkpoint',
    'adapter_model.bin: pickled weights are not read',
    'load an adapter with PEFT and save_pretrained',
  );
  const modules = selectModules(descriptor, spec, ['q_proj']);
  await writeFiles(dir, adapterFiles(writer, descriptor, spec, config, modules));
  assert.equal((await openAdapter(dir, descriptor, spec)).modules, modules);
});

test('tensors that do not fit are named', async () => {
  const dir = temporary();
  await writeFiles(dir, adapterFiles(writer, descriptor, spec, config, ['layers.0.q']));
  await rejects(
    () => openAdapter(dir, opt.descriptor, opt.spec),
    'checkpoint',
    'belongs to no linear layer of this OPT model',
  );
  const path = join(dir, 'adapter_config.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"r": 4', '"r": 8'));
  await rejects(
    () => openAdapter(dir, descriptor, spec),
    'checkpoint',
    'has shape [4,',
    'expected [8,',
  );
});

test.run();
