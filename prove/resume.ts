/**
 * A run that is killed is the run that is not: `attune train` is killed with SIGKILL one to three
 * times at random moments, goes on from its newest checkpoint, and ends with the same bits.
 */
import { join } from 'node:path';
import { inLanes, main, type ProofOptions, random, type Verdict, workspace } from './lib/proof.ts';
import { differences, type Options, outcome, TrainProcess, trainToEnd } from './lib/runs.ts';
import { writeRows, writeTinyModel } from './lib/tiny.ts';

/** What is trained; between them every part of the state matters. */
const KINDS: Options[] = [
  { method: 'lora', loraR: 4, loraDropout: 0.2, gradientAccumulationSteps: 3, loggingSteps: 3 },
  { method: 'lora', loraDropout: 0.1, packing: 'bfd', dtype: 'bfloat16', loggingSteps: 2 },
  { method: 'full', packing: 'bfd', lrSchedulerType: 'cosine', warmupSteps: 0.1 },
  { method: 'full', dtype: 'bfloat16', packing: 'wrapped', gradientAccumulationSteps: 2 },
  { method: 'full', trainSamplingStrategy: 'group_by_length', gradientAccumulationSteps: 2 },
  { method: 'full', evalStrategy: 'steps', evalSteps: 2, lrSchedulerType: 'reduce_lr_on_plateau' },
];

export async function proveResume({ trials, seed }: ProofOptions): Promise<Verdict> {
  const dir = workspace();
  const next = random(seed);
  const models = [
    writeTinyModel(join(dir, 'f32'), 'F32'),
    writeTinyModel(join(dir, 'bf16'), 'BF16'),
  ];
  const trainFile = writeRows(join(dir, 'rows.jsonl'), 40);
  const evalFile = writeRows(join(dir, 'eval.jsonl'), 6);
  const kinds = KINDS.slice(0, Math.min(KINDS.length, Math.max(1, trials))).map(
    (kind, i): Options => ({
      model: models[i % 2]!,
      trainFile,
      evalFile,
      dtype: 'float32',
      maxLength: 64,
      perDeviceTrainBatchSize: 2,
      learningRate: 1e-2,
      numTrainEpochs: 3,
      loggingSteps: 1,
      datasetNumProc: 1,
      device: 'cpu',
      ...(kind.lrSchedulerType === 'reduce_lr_on_plateau'
        ? { lrSchedulerKwargs: '{"patience": 1, "factor": 0.5}' }
        : {}),
      ...kind,
    }),
  );
  const expected = await Promise.all(
    kinds.map(async (kind, i) => {
      const outputDir = join(dir, `whole-${i}`);
      const text = await trainToEnd({ ...kind, outputDir, saveSteps: 1000 });
      return { outcome: outcome(outputDir), steps: Number(/done: (\d+) steps/.exec(text)![1]) };
    }),
  );
  let [equal, kills, resumed] = [0, 0, 0];
  const failures: string[] = [];
  await inLanes(trials, 2, async (trial) => {
    const kind = Math.floor(next() * kinds.length);
    const { outcome: whole, steps } = expected[kind]!;
    const outputDir = join(dir, `trial-${trial}`);
    const options = { ...kinds[kind]!, outputDir, resumeFromCheckpoint: 'auto' };
    const saveSteps = 1 + Math.floor(next() * 3);
    const count = 1 + Math.floor(next() * 3);
    for (let i = 0; i < count; i++) {
      const from = Math.floor((0.7 * steps * (i + next())) / count);
      kills += Number(await killedAt({ ...options, saveSteps }, from, 15 * next()));
    }
    const text = await trainToEnd({ ...options, saveSteps: 1000 });
    resumed += Number(/resumed from/.test(text));
    const differing = differences(outcome(outputDir), whole);
    if (differing.length === 0) equal++;
    else failures.push(`trial ${trial}, kind ${kind}: ${differing.join(', ')}`);
  });
  for (const failure of failures.slice(0, 10)) console.error(failure);
  return {
    line: `resume: ${equal} of ${trials} killed runs end bitwise equal (${kills} times SIGKILL, ${resumed} runs resumed from a checkpoint at the last, the rest from the start)`,
    holds: equal === trials,
  };
}

/** Kills a run a moment after it has logged a step; false where it ended before. */
async function killedAt(options: Options, step: number, delay: number): Promise<boolean> {
  const child = new TrainProcess({ ...options });
  const end = () => setTimeout(() => child.kill(), delay);
  child.onLine = (line) => {
    const done = Number(
      /^(?:step (\d+) |.*resumed from .*step (\d+) of)/.exec(line)?.slice(1).find(Boolean),
    );
    if (done >= step || (step === 0 && line.startsWith('memory:'))) end();
  };
  return (await child.ended()) === null;
}

await main(import.meta.url, 500, proveResume);
