import { llama } from '../../src/arch/llama.ts';
import { adapterConfigText, parseAdapterConfig } from '../../src/checkpoint/adapterconfig.ts';
import { parseObject } from '../../src/checkpoint/json.ts';
import { selectModules } from '../../src/checkpoint/targets.ts';
import { AttuneError } from '../../src/errors.ts';
import { rule, type Target } from '../target.ts';
import { modelConfig } from './model.ts';

const spec = llama.spec(modelConfig);
const settings = {
  rank: 8,
  alpha: 16,
  dropout: 0.05,
  rsLora: false,
  targets: ['q_proj', 'v_proj'],
  baseModel: 'a/b',
  revision: null,
};

/** adapter_config.json, and the modules that it selects. */
export const target: Target = {
  name: 'adapter',
  seeds: [
    adapterConfigText(settings),
    adapterConfigText({ ...settings, rsLora: true, targets: 'all-linear' }),
  ],
  words: ['LORA', 'all-linear', 'q_proj', '(a+)+$', '.*', 'r', 'lora_alpha', 'use_dora', 'bias'],
  json: true,
  run(input) {
    const config = parseAdapterConfig('fuzz', parseObject('fuzz', Buffer.from(input).toString()));
    rule(Number.isSafeInteger(config.rank) && config.rank > 0, `rank ${config.rank}`);
    rule(config.alpha > 0 && Number.isFinite(config.alpha), `alpha ${config.alpha}`);
    rule(config.dropout >= 0 && config.dropout < 1, `dropout ${config.dropout}`);
    if (typeof config.targets === 'string') return 'a pattern';
    return `${selectModules(llama, spec, config.targets).length} modules`;
  },
  refuses: (error) => error instanceof AttuneError && ['checkpoint', 'config'].includes(error.code),
};
