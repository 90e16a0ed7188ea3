/**
 * `npm run bench -- guards`: what everything that keeps a run alive costs, in training time at the 135M
 * shape. Trainers of the same model and rows take steps in turn, so that each is compared with its
 * neighbours in time: `off` (no checkpoints, guards off, no rows of metrics), `on` (guards, a row of metrics at
 * every step, ready to save) and `isolated` (the same in a process of its own). What checkpoints cost at the
 * default interval is measured within one run, as `npm run prove:stall` does, and added. Beside it the
 * same three on a model of a few thousand weights, where a step is hardly more than what is asked for.
 *
 * Flags: --cycles N (steps of each), --saves N, --output FILE. Needs ../shared/tokenizers/gpt2.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { built, ROOT, random, workspace } from '../prove/lib/proof.ts';
import { writeRows, writeTinyModel } from '../prove/lib/tiny.ts';
import { saveCost } from '../prove/stall.ts';
import type { TrainOptions } from '../src/index.ts';

type Attune = typeof import('../src/index.ts');

const LENGTH = 512;
const INTERVAL = 500;
/** The first steps touch their memory for the first time. */
const WARM = 2;

const VARIANTS = {
  off: { saveStrategy: 'no', lossSpike: 'off', loggingSteps: 1e9 },
  on: { saveSteps: 1e9, loggingSteps: 1 },
  isolated: { saveSteps: 1e9, loggingSteps: 1, isolate: true },
} as const satisfies Record<string, Partial<TrainOptions>>;
type Variant = keyof typeof VARIANTS;
const names = Object.keys(VARIANTS) as Variant[];

/** Seconds of each step, by variant; entries of the same index are neighbours in time. */
async function inTurn(
  given: TrainOptions,
  dir: string,
  cycles: number,
): Promise<Record<Variant, number[]>> {
  const { SFTTrainer } = await built<Attune>('index.js');
  const runs = names.map((name) => {
    const outputDir = join(dir, `${given.method}-${name}-${Math.random().toString(36).slice(2)}`);
    return new SFTTrainer({ ...given, ...VARIANTS[name], outputDir, maxSteps: 1e9 }).steps();
  });
  const seconds: Record<Variant, number[]> = { off: [], on: [], isolated: [] };
  for (let cycle = 0; cycle < cycles + WARM; cycle++) {
    for (let i = 0; i < names.length; i++) {
      // Whoever goes first changes from cycle to cycle.
      const which = (cycle + i) % names.length;
      const start = performance.now();
      await runs[which]!.next();
      if (cycle >= WARM) seconds[names[which]!].push((performance.now() - start) / 1000);
    }
  }
  for (const run of runs) await run.return();
  return seconds;
}

const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** The median of paired values, and the interval in which 95 % of resampled medians lie. */
function estimate(values: readonly number[], next: () => number) {
  const medians = Array.from({ length: 2000 }, () =>
    middle(values.map(() => values[Math.floor(next() * values.length)]!)),
  ).sort((a, b) => a - b);
  return { median: middle(values), low: medians[50]!, high: medians[1949]! };
}

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '60' },
    saves: { type: 'string', default: '3' },
    output: { type: 'string', default: join(ROOT, 'bench/results/guards-135m.json') },
  },
});
const cycles = Number(values.cycles);
const dir = workspace();
process.env.ATTUNE_CACHE ??= join(dir, 'cache');
const next = random(1);
const model = join(dir, 'model');
execFileSync(process.execPath, [join(ROOT, 'bench/train/model.mjs'), 'llama-135m', model]);
const row = () => {
  const ids = Array.from({ length: LENGTH }, () => Math.floor(50_000 * next()));
  return JSON.stringify({ input_ids: ids, labels: ids });
};
const trainFile = join(dir, 'rows.jsonl');
writeFileSync(trainFile, `${Array.from({ length: 64 }, row).join('\n')}\n`);

const tiny: TrainOptions = {
  model: writeTinyModel(join(dir, 'tiny'), 'F32'),
  trainFile: writeRows(join(dir, 'tiny.jsonl'), 200),
  device: 'cpu',
  method: 'lora',
};
const small = await inTurn(tiny, dir, 20 * cycles);
const difference = (name: Variant) =>
  small[name].map((seconds, i) => 1000 * (seconds - small.off[i]!));
const perStep = {
  on: estimate(difference('on'), next),
  isolated: estimate(difference('isolated'), next),
};
console.log(
  `a step of a few thousand weights: ${(1000 * middle(small.off)).toFixed(3)} ms; on +${perStep.on.median.toFixed(3)} ms, isolated +${perStep.isolated.median.toFixed(3)} ms`,
);

const results: Record<string, unknown> = {};
for (const method of ['lora', 'full'] as const) {
  const given: TrainOptions = {
    model,
    trainFile,
    method,
    maxLength: LENGTH,
    perDeviceTrainBatchSize: 1,
    device: 'cpu',
  };
  const seconds = await inTurn(given, dir, cycles);
  const step = middle(seconds.off);
  const save = await saveCost(
    { ...given, outputDir: join(dir, `${method}-saves`), saveTotalLimit: 1 },
    Number(values.saves),
  );
  const share = save.save / (INTERVAL * save.step);
  const found = Object.fromEntries(
    (['on', 'isolated'] as const).map((name) => {
      const ratio = estimate(
        seconds[name].map((each, i) => each / seconds.off[i]!),
        next,
      );
      const fixed = perStep[name].median / 1000 / step;
      return [name, { ratio, perStepShare: fixed, withCheckpoints: fixed + share }];
    }),
  );
  results[method] = {
    stepSeconds: step,
    saveSeconds: save.save,
    saveBytes: save.bytes,
    checkpointShare: share,
    ...found,
  };
  const percent = (part: number) => `${(100 * part).toFixed(3)} %`;
  for (const name of ['on', 'isolated'] as const) {
    const { ratio, perStepShare, withCheckpoints } = found[name]!;
    console.log(
      `${method}, ${name}: step ratio ${ratio.median.toFixed(4)} (95 %: ${ratio.low.toFixed(4)} to ${ratio.high.toFixed(4)}), ` +
        `by the small model ${percent(perStepShare)}, checkpoints ${percent(share)} of ${INTERVAL} steps, together ${percent(withCheckpoints)}`,
    );
  }
}
writeFileSync(
  values.output,
  `${JSON.stringify(
    {
      commit: String(execFileSync('git', ['-C', ROOT, 'describe', '--always', '--dirty'])).trim(),
      machine: { cpu: cpus()[0]?.model, cores: availableParallelism(), load: loadavg() },
      shape: 'llama-135m',
      tokensPerStep: LENGTH,
      cycles,
      millisecondsPerStepOfSmallModel: { off: 1000 * middle(small.off), ...perStep },
      ...results,
    },
    null,
    2,
  )}\n`,
);
process.exit();
