import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { configHelp } from '../../../src/cli/help.ts';
import {
  camelCase,
  kebabCase,
  keyNames,
  shownDefault,
  snakeCase,
  table,
} from '../../../src/config/table.ts';

const path = new URL('../../golden/config.json', import.meta.url);

test('every key with its default, its values and its line of help is as recorded', () => {
  const keys = Object.fromEntries(
    keyNames.map((name) => {
      const { group, doc, kind } = table[name];
      return [
        snakeCase(name),
        { group, default: shownDefault(name), expected: kind.expected, doc },
      ];
    }),
  );
  if (process.env.UPDATE_GOLDEN) writeFileSync(path, `${JSON.stringify(keys, null, 1)}\n`);
  assert.equal(keys, JSON.parse(readFileSync(path, 'utf8')));
});

test('the contract’s keys are there', () => {
  const contract = `model adapter train_file eval_file dataset output_dir method dtype device
    max_length truncation_mode packing completion_only_loss assistant_only_loss dataset_text_field
    chat_template_path shuffle train_sampling_strategy per_device_train_batch_size
    gradient_accumulation_steps num_train_epochs max_steps learning_rate lr_scheduler_type warmup_steps
    weight_decay adam_beta1 adam_beta2 adam_epsilon max_grad_norm label_smoothing_factor loss_type
    neftune_noise_alpha seed lora_r lora_alpha lora_dropout lora_target_modules use_rslora use_dora
    lora_modules_to_save logging_steps eval_strategy eval_steps save_strategy save_steps
    save_total_limit resume_from_checkpoint report_to lr_scheduler_kwargs dataset_num_proc`;
  const names = new Set(keyNames.map(snakeCase));
  for (const name of contract.split(/\s+/)) assert.ok(names.has(name), name);
});

test('the three spellings of a key are one', () => {
  for (const name of keyNames) {
    assert.is(camelCase(snakeCase(name)), name);
    assert.is(camelCase(kebabCase(name)), name);
  }
});

test('--help lists every key', () => {
  const help = configHelp();
  for (const name of keyNames) assert.ok(help.includes(`--${kebabCase(name)} `), name);
});

test.run();
