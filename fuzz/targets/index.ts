import { dirname } from 'node:path';
import { shardFiles } from '../../src/checkpoint/checkpoint.ts';
import { parseObject } from '../../src/checkpoint/json.ts';
import { AttuneError } from '../../src/errors.ts';
import { rule, type Target } from '../target.ts';

const shard = (i: number) => `model-0000${i}-of-00002.safetensors`;

/** model.safetensors.index.json: the files that it names lie in its own directory. */
export const target: Target = {
  name: 'index',
  seeds: [
    JSON.stringify({
      metadata: { total_size: 12 },
      weight_map: { 'model.norm.weight': shard(1), 'lm_head.weight': shard(2) },
    }),
    '{"weight_map":{"a":"a.safetensors"}}',
  ],
  words: [
    '../a.safetensors', '/etc/a.safetensors', 'a/b.safetensors', '..\\a.safetensors', '.safetensors',
    'weight_map', '__proto__', '..', 'a\u0000.safetensors', 'C:a.safetensors', 'model.safetensors',
  ], // biome-ignore format: a table
  json: true,
  run(input) {
    const files = shardFiles('/dir', 'fuzz', parseObject('fuzz', Buffer.from(input).toString()));
    rule(files.length > 0 && new Set(files).size === files.length, 'files');
    for (const file of files) rule(dirname(file) === '/dir' && !/[\\\0]/.test(file), file);
    return `${Math.min(3, files.length)} files`;
  },
  refuses: (error) => error instanceof AttuneError && error.code === 'checkpoint',
};
