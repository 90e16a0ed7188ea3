import { AttuneError } from '../errors.ts';

/** The part of PEFT's `adapter_config.json` that means something here. */
export interface AdapterConfig {
  rank: number;
  alpha: number;
  dropout: number;
  rsLora: boolean;
  /** Module suffixes or whole names, or one string: `all-linear` or a pattern. */
  targets: string[] | string;
  baseModel: string | null;
  revision: string | null;
}

/** Settings that would change the mathematics; each is refused by name unless it says "none". */
const REFUSED = [
  'use_dora',
  'lora_bias',
  'rank_pattern',
  'alpha_pattern',
  'modules_to_save',
  'trainable_token_indices',
  'target_parameters',
  'layer_replication',
  'fan_in_fan_out',
  'use_qalora',
  'alora_invocation_tokens',
  'use_bdlora',
  'kasa_config',
  'velora_config',
  'monteclora_config',
  'arrow_config',
];

function isNone(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** Reads PEFT's settings. Throws `checkpoint` for those that are missing, wrong or not supported. */
export function parseAdapterConfig(path: string, json: Record<string, unknown>): AdapterConfig {
  const fail = (key: string, message: string) =>
    new AttuneError('checkpoint', `${path}: ${key}: ${message}`);
  const shown = (key: string) => JSON.stringify(json[key] ?? null);
  if (json.peft_type !== 'LORA') {
    throw fail('peft_type', `expected "LORA", received ${shown('peft_type')}`);
  }
  if ((json.bias ?? 'none') !== 'none') throw fail('bias', `${shown('bias')} is not supported`);
  for (const key of REFUSED) {
    if (!isNone(json[key])) throw fail(key, `${shown(key)} is not supported`);
  }
  const number = (key: string, valid: (n: number) => boolean, expected: string) => {
    const value = json[key];
    if (typeof value === 'number' && valid(value)) return value;
    throw fail(key, `expected ${expected}, received ${shown(key)}`);
  };
  const targets = json.target_modules;
  if (typeof targets !== 'string' && !isNames(targets)) {
    throw fail('target_modules', `expected a list of names, received ${shown('target_modules')}`);
  }
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  return {
    rank: number('r', (n) => Number.isSafeInteger(n) && n > 0, 'a positive integer'),
    alpha: number('lora_alpha', (n) => n > 0 && Number.isFinite(n), 'a positive number'),
    dropout:
      json.lora_dropout == null ? 0 : number('lora_dropout', (n) => n >= 0 && n < 1, '0 to 1'),
    rsLora: json.use_rslora === true,
    targets,
    baseModel: text(json.base_model_name_or_path),
    revision: text(json.revision),
  };
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

/** The text of `adapter_config.json`: PEFT's keys sorted, two spaces, no newline at the end. */
export function adapterConfigText(config: AdapterConfig): string {
  const json: Record<string, unknown> = {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: config.baseModel,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: config.alpha,
    lora_bias: false,
    lora_dropout: config.dropout,
    modules_to_save: null,
    peft_type: 'LORA',
    r: config.rank,
    rank_pattern: {},
    revision: config.revision,
    target_modules: config.targets,
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: config.rsLora,
  };
  return JSON.stringify(json, null, 2);
}
