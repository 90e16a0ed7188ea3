import { parseConfig } from '../../src/config/file.ts';
import { resolveConfig } from '../../src/config.ts';
import { AttuneError } from '../../src/errors.ts';
import { rule, type Target } from '../target.ts';

/** Configuration files in YAML and JSON. */
export const target: Target = {
  name: 'config',
  seeds: [
    'model: ./m\ntrain_file: [a.jsonl, b.csv]\noutput_dir: out\nlearning_rate: 1e-4\npacking: true\nbf16: true\n',
    'model: m\ntrainFile: a.jsonl\noutputDir: out\nmethod: full\nmaxSteps: 3\nloraTargetModules: all-linear\n',
    '{"model":"m","train_file":"a.jsonl","output_dir":"o","lr_scheduler_type":"cosine","warmup_steps":0.1}',
    JSON.stringify({
      model: 'm',
      trainFile: 'a.jsonl',
      outputDir: 'o',
      packing: 'bfd',
      maxLength: 64,
      learningRate: 1e-4,
      loraTargetModules: ['q_proj'],
      saveStrategy: 'steps',
      saveSteps: 2,
      seed: 3,
    }),
    JSON.stringify({
      model: 'm',
      dataset: 'a/b',
      output_dir: 'o',
      method: 'full',
      bf16: true,
      eval_strategy: 'epoch',
      report_to: [],
      lr_scheduler_kwargs: { num_cycles: 1 },
      assistant_only_loss: false,
    }),
    '# a comment\nmodel: &m m\ntrain_file: *m\noutput_dir: |\n  o\n',
  ],
  words: [
    'model', ': ', '\n', '- ', '&a ', '*a', '<<: ', '!!js/function ', '!!binary ', '{', '}', 'null',
    'true', 'packing', 'max_length', 'seed', 'lora_r', 'report_to', 'bfd', '~', '? ', '|\n', '"',
  ], // biome-ignore format: a table
  json: true, // which is YAML; what is not is changed as bytes
  async run(input) {
    const { config, notes } = resolveConfig(
      await parseConfig('fuzz', Buffer.from(input).toString()),
    );
    rule(typeof config.model === 'string' && Object.isFrozen(config), 'no configuration');
    rule(!('polluted' in {}) && notes.every((note) => typeof note === 'string'), 'a note');
    return config.method;
  },
  refuses: (error) => error instanceof AttuneError && error.code === 'config',
};
