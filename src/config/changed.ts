import { keyNames, shownDefault, snakeCase, type TrainConfig, table } from './table.ts';

/** A key that is not at its default, as text. */
export interface ChangedSetting {
  name: string;
  value: string;
  fallback: string;
}

/** Keys of a configuration that are not at their defaults, in the order of the table. */
export function changedSettings(config: TrainConfig): ChangedSetting[] {
  return keyNames
    .filter((name) => {
      const value = config[name];
      if (name === 'learningRate') return value !== (config.method === 'full' ? 2e-5 : 2e-4);
      if (name === 'evalSteps') return value !== config.loggingSteps;
      return JSON.stringify(value) !== JSON.stringify(table[name].fallback);
    })
    .map((name) => ({
      name: snakeCase(name),
      value: shown(config[name]),
      fallback: shownDefault(name),
    }));
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null');
}
