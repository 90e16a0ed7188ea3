import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findDescriptor } from '../../../src/arch/index.ts';
import { tensorName } from '../../../src/arch/names.ts';
import { parameterShapes } from '../../../src/arch/parameters.ts';
import { openCheckpoint } from '../../../src/checkpoint/checkpoint.ts';
import type { TensorLayout } from '../../../src/checkpoint/header.ts';
import { makeLoadPlan, tensorReads } from '../../../src/checkpoint/plan.ts';
import { saveCheckpoint } from '../../../src/checkpoint/save.ts';
import { openModel } from '../../../src/train/model.ts';
import { rejects, temporary, writer, writeTensors } from './files.ts';

const models = fileURLToPath(new URL('../../golden/models/', import.meta.url));
const config = {
  architectures: ['LlamaForCausalLM'],
  vocab_size: 8,
  hidden_size: 4,
  intermediate_size: 6,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  tie_word_embeddings: true,
};

function layout(settings: Record<string, unknown>, dtype: TensorLayout['dtype'] = 'F32') {
  const descriptor = findDescriptor(settings);
  return [...parameterShapes(descriptor.spec(settings))].map(([parameter, shape]) => ({
    name: tensorName(descriptor, parameter),
    dtype,
    shape,
  }));
}

/** A model directory with these tensors in one file. */
function model(tensors: readonly TensorLayout[], settings: object = config): string {
  const dir = temporary();
  writeFileSync(join(dir, 'config.json'), JSON.stringify(settings));
  writeTensors(join(dir, 'model.safetensors'), tensors);
  return dir;
}

test('a plan leads every parameter to its bytes', async () => {
  const { plan } = await openModel(model(layout(config, 'BF16')));
  const reads = tensorReads(plan);
  assert.is(reads.length, 11);
  assert.equal(reads.find(({ name }) => name === 'layers.0.up.weight')?.bytes, 6 * 4 * 2);
  assert.ok(reads.every(({ dtype }) => dtype === 'bfloat16'));
});

test('a bare decoder’s names, a tied head and rotary buffers are understood', async () => {
  const bare = layout(config).map((t) => ({ ...t, name: t.name.replace(/^model\./, '') }));
  assert.is((await openModel(model(bare))).plan.size, 11);
  const more: TensorLayout[] = [
    ...layout(config),
    { name: 'lm_head.weight', dtype: 'F32', shape: [8, 4] },
    { name: 'model.layers.0.self_attn.rotary_emb.inv_freq', dtype: 'F32', shape: [1] },
  ];
  assert.is((await openModel(model(more))).plan.size, 11);
});

test('missing, unexpected and mis-shaped tensors are named', async () => {
  const all = layout(config);
  const missing = all.filter(({ name }) => !name.includes('mlp'));
  await rejects(
    () => openModel(model(missing)),
    'checkpoint',
    'missing tensors model.layers.0.mlp.gate_proj.weight, ',
  );
  const untied = { ...config, tie_word_embeddings: false };
  await rejects(() => openModel(model(all, untied)), 'checkpoint', 'missing tensor lm_head.weight');
  const extra: TensorLayout = { name: 'model.layers.1.x', dtype: 'F32', shape: [1] };
  await rejects(
    () => openModel(model([...all, extra])),
    'checkpoint',
    'unexpected tensor model.layers.1.x',
  );
  const wrong = all.map((t, i) => (i === 0 ? { ...t, shape: [9, 4] } : t));
  await rejects(
    () => openModel(model(wrong)),
    'checkpoint',
    'tensor model.embed_tokens.weight has shape [9,4], expected [8,4]',
  );
});

test('a foreign dtype is named', async () => {
  const dir = model(layout(config));
  const path = join(dir, 'model.safetensors');
  const text = readFileSync(path, 'latin1').replace('"F32"', '"I32"');
  writeFileSync(path, text, 'latin1');
  await rejects(
    () => openModel(dir),
    'checkpoint',
    'model.embed_tokens.weight is I32; weights are read as F32, BF16, F16',
  );
});

test('directories that hold no weights say why', async () => {
  const dir = temporary();
  await rejects(() => openCheckpoint(join(dir, 'none')), 'checkpoint', 'is no directory');
  await rejects(() => openCheckpoint(dir), 'checkpoint', 'config.json: no such file');
  writeFileSync(join(dir, 'config.json'), '{');
  await rejects(() => openCheckpoint(dir), 'checkpoint', 'config.json: not JSON');
  writeFileSync(join(dir, 'config.json'), '{}');
  await rejects(
    () => openCheckpoint(dir),
    'checkpoint',
    'no model.safetensors and no model.safetensors.index.json',
  );
  writeFileSync(join(dir, 'pytorch_model.bin'), '');
  await rejects(
    () => openCheckpoint(dir),
    'checkpoint',
    'pickled weights are not read',
    'save_pretrained',
  );
});

test('shards may not leave the directory', async () => {
  for (const name of ['../x.safetensors', '/etc/x.safetensors', 'a/b.safetensors', 'x.bin', 3]) {
    const dir = temporary();
    writeFileSync(join(dir, 'config.json'), '{}');
    const index = { weight_map: { a: name } };
    writeFileSync(join(dir, 'model.safetensors.index.json'), JSON.stringify(index));
    await rejects(
      () => openCheckpoint(dir),
      'checkpoint',
      'is not the name of a safetensors file in this directory',
    );
  }
});

for (const name of [
  'llama',
  'llama-v4',
  'llama-sharded',
  'llama-bf16',
  'llama3',
  'opt',
  'opt350',
]) {
  test(`golden checkpoint ${name} has a plan`, async () => {
    const found = await openModel(join(models, name));
    assert.is(found.plan.size, parameterShapes(found.spec).size);
  });
}

test('saving keeps names, dtypes and order, cuts shards, and clears older ones away', async () => {
  const source = await openCheckpoint(join(models, 'llama'));
  const descriptor = findDescriptor(source.config);
  const plan = makeLoadPlan(source, descriptor, descriptor.spec(source.config));
  const dir = join(temporary(), 'new');
  const extra = join(temporary(), 'tokenizer.json');
  writeFileSync(extra, '{}');
  await saveCheckpoint(writer, source, plan, dir, [extra, join(dir, 'absent')], 20_000);
  const names = readdirSync(dir).sort();
  assert.ok(names.includes('model.safetensors.index.json') && names.includes('tokenizer.json'));
  assert.is(names.filter((file) => file.startsWith('.')).length, 0);
  const again = await openCheckpoint(dir);
  const facts = (of: typeof again) =>
    [...of.tensors.values()].map(({ name, dtype, shape }) => [name, dtype, shape]);
  assert.equal(facts(again), facts(source));
  const whole = readFileSync(join(dir, 'config.json'));
  assert.equal(whole, readFileSync(join(models, 'llama/config.json')));
  await saveCheckpoint(writer, source, plan, dir, []);
  assert.equal(
    readdirSync(dir).filter((file) => file.includes('safetensors')),
    ['model.safetensors'],
  );
  const header = (path: string) => readFileSync(path).subarray(0, 200);
  assert.equal(
    header(join(dir, 'model.safetensors')),
    header(join(models, 'llama/model.safetensors')),
  );
});

test('a full disk leaves what was there, and says so', async () => {
  const source = await openCheckpoint(join(models, 'llama'));
  const descriptor = findDescriptor(source.config);
  const plan = makeLoadPlan(source, descriptor, descriptor.spec(source.config));
  const dir = temporary();
  mkdirSync(dir, { recursive: true });
  cpSync(join(models, 'llama/model.safetensors'), join(dir, 'model.safetensors'));
  const before = readFileSync(join(dir, 'model.safetensors'));
  const full = {
    ...writer,
    save: () => Promise.reject(Object.assign(new Error('ENOSPC: x'), { code: 'ENOSPC' })),
  };
  await rejects(
    () => saveCheckpoint(full, source, plan, dir, []),
    'device',
    'model.safetensors: cannot be written: no space left on the disk',
  );
  assert.equal(readdirSync(dir), ['model.safetensors']);
  assert.equal(readFileSync(join(dir, 'model.safetensors')), before);
});

test.run();
