/** A whole configuration of TRL, as `SFTConfig.to_dict` and the arguments of `trl sft` write it. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../../src/config/file.ts';
import { resolveConfig, type TrainConfig } from '../../../src/config.ts';

/** Every key of TRL 1.13 and transformers 5.18 with its default, but save_strategy, in YAML. */
const TRL = `{
  output_dir: null, per_device_train_batch_size: 8, num_train_epochs: 3.0, max_steps: -1,
  learning_rate: 2e-05, lr_scheduler_type: 'linear', lr_scheduler_kwargs: null, warmup_steps: 0,
  optim: 'adamw_torch_fused', optim_args: null, weight_decay: 0.0, adam_beta1: 0.9,
  adam_beta2: 0.999, adam_epsilon: 1e-08, optim_target_modules: null,
  gradient_accumulation_steps: 1, average_tokens_across_devices: true, max_grad_norm: 1.0,
  label_smoothing_factor: 0.0, bf16: null, fp16: false, bf16_full_eval: false,
  fp16_full_eval: false, tf32: null, gradient_checkpointing: true,
  gradient_checkpointing_kwargs: null, torch_compile: false, torch_compile_backend: null,
  torch_compile_mode: null, use_liger_kernel: false, liger_kernel_config: null, use_cache: false,
  neftune_noise_alpha: null, torch_empty_cache_steps: null, auto_find_batch_size: false,
  logging_strategy: 'steps', logging_steps: 10, logging_first_step: false,
  log_on_each_node: true, logging_nan_inf_filter: true, include_num_input_tokens_seen: 'no',
  log_level: 'passive', log_level_replica: 'warning', disable_tqdm: null, report_to: 'none',
  run_name: null, project: 'huggingface', trackio_space_id: null, trackio_bucket_id: null,
  trackio_static_space_id: null, eval_strategy: 'no', eval_steps: null, eval_delay: 0,
  per_device_eval_batch_size: 8, prediction_loss_only: false, eval_on_start: false,
  eval_do_concat_batches: true, eval_use_gather_object: false, eval_accumulation_steps: null,
  include_for_metrics: [], batch_eval_metrics: false, save_only_model: false,
  save_strategy: 'no', save_steps: 500, save_on_each_node: false, save_total_limit: null,
  enable_jit_checkpoint: false, push_to_hub: false, hub_token: null, hub_private_repo: null,
  hub_model_id: null, hub_strategy: 'every_save', hub_always_push: false, hub_revision: null,
  load_best_model_at_end: false, metric_for_best_model: null, greater_is_better: null,
  ignore_data_skip: false, restore_callback_states_from_checkpoint: false,
  full_determinism: false, seed: 42, data_seed: null, use_cpu: false, accelerator_config: null,
  parallelism_config: null, dataloader_drop_last: false, dataloader_num_workers: 0,
  dataloader_pin_memory: true, dataloader_persistent_workers: false,
  dataloader_prefetch_factor: null, dataloader_multiprocessing_context: null,
  dataloader_in_order: true, remove_unused_columns: true, label_names: null,
  train_sampling_strategy: 'random', length_column_name: 'length',
  ddp_find_unused_parameters: null, ddp_bucket_cap_mb: null, ddp_broadcast_buffers: null,
  ddp_static_graph: null, ddp_backend: null, ddp_timeout: 1800, fsdp: null, fsdp_config: null,
  deepspeed: null, debug: '', skip_memory_metrics: true, do_train: false, do_eval: false,
  do_predict: false, resume_from_checkpoint: null, local_rank: -1, model_init_kwargs: null,
  trust_remote_code: false, router_aux_loss_coef: 0.001, chat_template_path: null,
  dataset_text_field: 'text', dataset_kwargs: null, dataset_num_proc: null, eos_token: null,
  max_length: 1024, truncation_mode: 'keep_start', shuffle_dataset: false, packing: false,
  packing_strategy: 'bfd', padding_free: false, pad_to_multiple_of: null, eval_packing: null,
  completion_only_loss: null, assistant_only_loss: false, loss_type: null,
  activation_offloading: false, pad_token: null, model_name_or_path: null,
  model_revision: 'main', dtype: 'float32', attn_implementation: null, use_peft: false,
  lora_r: 16, lora_alpha: 32, lora_dropout: 0.05, lora_target_modules: null,
  lora_target_parameters: null, lora_modules_to_save: null, lora_task_type: 'CAUSAL_LM',
  use_rslora: false, use_dora: false, load_in_8bit: false, load_in_4bit: false,
  bnb_4bit_quant_type: 'nf4', use_bnb_nested_quant: false, bnb_4bit_quant_storage: null,
  datasets: [], streaming: false, test_split_size: null, dataset_name: null,
  dataset_config: null, dataset_train_split: 'train', dataset_test_split: 'test',
  dataset_streaming: false, ignore_bias_buffers: false
}`;

/** Keys that transformers 4 had besides. */
const OLDER = `{warmup_ratio: 0.1, warmup_steps: 0, group_by_length: true, no_cuda: false,
  use_mps_device: false, jit_mode_eval: false, overwrite_output_dir: true, save_safetensors: true,
  logging_dir: runs, include_tokens_per_second: false, evaluation_strategy: 'no'}`;

async function read(text: string): Promise<{ config: TrainConfig; notes: string[] }> {
  const own = 'model: m, train_file: a.jsonl, ';
  const source = text.replace('model_name_or_path: null,', '').replace('{', `{${own}`);
  return resolveConfig(await parseConfig('run.yaml', source));
}

test('every key of TRL is known; at their defaults none is refused', async () => {
  const { config, notes } = await read(TRL);
  assert.is(config.learningRate, 2e-5);
  assert.is(config.method, 'full');
  assert.is(config.dtype, 'float32');
  assert.is(config.outputDir, 'trainer_output');
  assert.ok(notes.every((note) => / (has no meaning here|is not used): /.test(note)));
  const older = (await read(OLDER)).config;
  assert.equal([older.warmupSteps, older.trainSamplingStrategy], [0.1, 'group_by_length']);
});

test('bf16 beside a type of the weights is what is computed in', async () => {
  const dtype = async (text: string) => (await read(text)).config.dtype;
  assert.is(await dtype('{torch_dtype: bfloat16, bf16: true}'), 'bfloat16');
  assert.is(await dtype('{dtype: bfloat16, bf16: null}'), 'bfloat16');
  assert.is(await dtype('{dtype: bfloat16, bf16: false}'), 'bfloat16');
  assert.is(await dtype('{bf16: false}'), 'float32');
  const { config, notes } = await read('{dtype: float32, bf16: true}');
  assert.is(config.dtype, 'bfloat16');
  assert.equal(notes, ['run.yaml:1: dtype gives way to bf16']);
});

test('a warm-up in steps wins over a share', async () => {
  assert.is((await read('{warmup_ratio: 0.1, warmup_steps: 5}')).config.warmupSteps, 5);
  assert.is((await read('{warmup_ratio: 0, warmup_steps: 5}')).config.warmupSteps, 5);
  assert.is((await read('{warmup_ratio: 0.2}')).config.warmupSteps, 0.2);
});

test('TRL’s ways to ask for the processor', async () => {
  assert.is((await read('{use_cpu: true}')).config.device, 'cpu');
  assert.is((await read('{no_cuda: true}')).config.device, 'cpu');
  assert.is((await read('{use_cpu: false, no_cuda: null}')).config.device, 'auto');
  assert.is((await read('{tf32: true}')).config.tf32, true);
});

test('null and false are no request', async () => {
  const { config, notes } = await read(
    '{bf16: null, use_peft: null, shuffle_dataset: null, packing_strategy: null, eval_delay: 0, resume_from_checkpoint: false}',
  );
  assert.equal(notes, []);
  assert.equal([config.dtype, config.method, config.resumeFromCheckpoint], [null, 'lora', null]);
});

test.run();
