import { camelCase, snakeCase } from '../config/table.ts';
import type { TrainConfig } from '../config.ts';
import { AttuneError } from '../errors.ts';
import * as curves from './curves.ts';
import { Plateau, type PlateauSettings, plateauDefaults } from './plateau.ts';
import type { PlateauState, Stateful } from './state.ts';

/** The learning rate over a run. Only a plateau has a state; others are functions of the step. */
export interface Schedule extends Stateful<PlateauState | null> {
  /** Rate of the update that follows `step` updates. */
  at(step: number): number;
  /** Told every evaluation loss. */
  observe(loss: number): void;
}

export type ScheduleConfig = Pick<
  TrainConfig,
  'lrSchedulerType' | 'lrSchedulerKwargs' | 'learningRate' | 'warmupSteps'
>;

type Settings = Record<string, unknown>;

const MIN_LR = ['numCycles', 'minLr', 'minLrRate'];
const ALLOWED: Record<ScheduleConfig['lrSchedulerType'], readonly string[]> = {
  linear: [],
  cosine: ['numCycles'],
  cosine_with_restarts: ['numCycles'],
  polynomial: ['lrEnd', 'power'],
  constant: [],
  constant_with_warmup: [],
  inverse_sqrt: ['timescale'],
  reduce_lr_on_plateau: Object.keys(plateauDefaults),
  cosine_with_min_lr: MIN_LR,
  cosine_warmup_with_min_lr: [...MIN_LR, 'warmupLrRate'],
  warmup_stable_decay: [
    'numDecaySteps',
    'numStableSteps',
    'warmupType',
    'decayType',
    'minLrRatio',
    'numCycles',
  ],
};

function kwargsError(message: string): AttuneError {
  return new AttuneError('config', `lr_scheduler_kwargs: ${message}`);
}

/** The schedule of a run of `total` updates, as transformers computes it. Throws `config`. */
export function makeSchedule(config: ScheduleConfig, total: number): Schedule {
  const { lrSchedulerType: type, learningRate } = config;
  const settings = readSettings(config);
  if (type === 'reduce_lr_on_plateau') {
    const plateau = new Plateau(learningRate, {
      ...plateauDefaults,
      ...(settings as Partial<PlateauSettings>),
    });
    return {
      at: () => plateau.learningRate,
      observe: (loss) => plateau.observe(loss),
      capture: () => plateau.capture(),
      restore: (state) => state && plateau.restore(state),
    };
  }
  const factor = makeFactor(config, settings, total);
  return {
    at: (step) => learningRate * factor(step),
    observe: () => {},
    capture: () => null,
    restore: () => {},
  };
}

function readSettings(config: ScheduleConfig): Settings {
  const { lrSchedulerType: type, lrSchedulerKwargs } = config;
  const settings: Settings = {};
  for (const [written, value] of Object.entries(lrSchedulerKwargs)) {
    const name = camelCase(written);
    if (!ALLOWED[type].includes(name)) {
      const known = ALLOWED[type].map(snakeCase).join(', ') || 'none';
      throw kwargsError(`${written} is no setting of ${type}; it has ${known}`);
    }
    const isText = /^(mode|thresholdMode|warmupType|decayType)$/.test(name);
    if (typeof value !== (isText ? 'string' : 'number')) {
      const expected = isText ? 'text' : 'a number';
      throw kwargsError(`${written}: expected ${expected}, received ${JSON.stringify(value)}`);
    }
    settings[name] = value;
  }
  return settings;
}

function makeFactor(
  config: ScheduleConfig,
  settings: Settings,
  total: number,
): (step: number) => number {
  const { warmupSteps: given, learningRate } = config;
  const warmup = given < 1 ? Math.ceil(given * total) : given;
  const number = (name: string, fallback: number) => (settings[name] as number) ?? fallback;
  const curve = { warmup, total, cycles: number('numCycles', 0.5), floor: 0 };
  switch (config.lrSchedulerType) {
    case 'cosine':
      return curves.cosine(curve);
    case 'cosine_with_restarts':
      return curves.restarts({ ...curve, cycles: number('numCycles', 1) });
    case 'polynomial': {
      const end = number('lrEnd', 1e-7);
      if (end >= learningRate) throw kwargsError(`lr_end ${end} is not below learning_rate`);
      return curves.polynomial({ ...curve, floor: end / learningRate }, number('power', 1));
    }
    case 'constant':
      return curves.constant(0);
    case 'constant_with_warmup':
      return curves.constant(warmup);
    case 'inverse_sqrt':
      return curves.inverseSqrt(warmup, number('timescale', warmup || 10_000));
    case 'cosine_with_min_lr':
      return curves.cosine({ ...curve, floor: minimum(settings, learningRate) });
    case 'cosine_warmup_with_min_lr':
      return curves.cosineFromAbove(
        { ...curve, floor: minimum(settings, learningRate) },
        (settings.warmupLrRate as number) ?? null,
      );
    case 'warmup_stable_decay':
      return stableDecay(curve, settings);
    default:
      return curves.linear(curve);
  }
}

/** The floor of a schedule with a minimum: one of `min_lr` and `min_lr_rate`. */
function minimum(settings: Settings, learningRate: number): number {
  const { minLr, minLrRate } = settings as Record<string, number | undefined>;
  if ((minLr === undefined) === (minLrRate === undefined)) {
    throw kwargsError('expected one of min_lr and min_lr_rate');
  }
  return minLrRate ?? minLr! / learningRate;
}

function stableDecay(curve: curves.Curve, settings: Settings): (step: number) => number {
  const { numDecaySteps, numStableSteps, minLrRatio } = settings as Record<
    string,
    number | undefined
  >;
  if (numDecaySteps === undefined) throw kwargsError('expected num_decay_steps');
  const ramp = (name: string, fallback: curves.Ramp) => {
    const value = settings[name] ?? fallback;
    if (value === 'linear' || value === 'cosine' || value === '1-sqrt') return value;
    throw kwargsError(
      `${snakeCase(name)}: expected one of linear, cosine, 1-sqrt, received ${JSON.stringify(value)}`,
    );
  };
  const stable = numStableSteps ?? curve.total - curve.warmup - numDecaySteps;
  const shape = { ...curve, floor: minLrRatio ?? 0 };
  return curves.stableDecay(
    shape,
    stable,
    numDecaySteps,
    ramp('warmupType', 'linear'),
    ramp('decayType', 'cosine'),
  );
}
