import { kindOf } from '../data/kinds.ts';

/** Why the files of a split cannot be told; the caller adds the name of the data set. */
export class SplitProblem extends Error {}

type Card = Record<string, unknown>;

/** Names of folders and files that stand for a split. */
const keywords: Record<string, string> = {
  train: 'train|training',
  validation: 'validation|valid|val|dev',
  test: 'test|testing|eval|evaluation',
};

/** JSON files that describe a data set and are none of its data. */
const about = /(^|\/)(dataset_infos|dataset_dict|dataset_info|state|config|README)\.[^/]*$/i;

/**
 * The files of a split, sorted, as the data set's card says (`configs` in the head of README.md),
 * else by their names, as `datasets` reads them: data/train-00000-of-00001.parquet, test.jsonl,
 * train/a.json; where no name tells of a split, every data file is of split train. Throws
 * SplitProblem for a configuration or split that is not there.
 */
export function splitFiles(
  paths: readonly string[],
  card: Card,
  config: string | null,
  split: string,
): string[] {
  const splits = cardSplits(paths, card, config) ?? namedSplits(paths, config);
  const files = splits.get(split);
  if (files !== undefined && files.length > 0) return [...new Set(files)].sort();
  const known = [...splits].filter(([, found]) => found.length > 0).map(([name]) => name);
  if (known.length > 0) throw new SplitProblem(`it has no split ${split}, but ${known.join(', ')}`);
  const script = paths.find((path) => path.endsWith('.py'));
  throw new SplitProblem(
    script ? `its rows come from a program (${script}), which is not run` : 'it has no data files',
  );
}

type Splits = Map<string, string[]>;

function cardSplits(
  paths: readonly string[],
  { configs }: Card,
  config: string | null,
): Splits | null {
  if (!Array.isArray(configs) || configs.length === 0) return null;
  const all = configs as Card[];
  const names = all.map(({ config_name }) => String(config_name));
  const chosen =
    config !== null
      ? all[names.indexOf(config)]
      : (all.find((each) => each.default === true) ??
        all[names.indexOf('default')] ??
        (all.length === 1 ? all[0] : undefined));
  if (chosen === undefined) {
    const asked =
      config === null
        ? 'several configurations: set dataset_config to one of'
        : `no configuration ${config}, but`;
    throw new SplitProblem(`it has ${asked} ${names.join(', ')}`);
  }
  const { data_files: given, data_dir: folder = '' } = chosen;
  const inside = paths.filter((path) => path.startsWith(folder ? `${folder}/` : ''));
  if (given === undefined) return namedSplits(inside, null);
  const splits: Splits = new Map();
  for (const [split, patterns] of patternsOf(given)) {
    const found = patterns.flatMap((pattern) =>
      matching(inside, folder ? `${folder}/${pattern}` : pattern),
    );
    splits.set(split, [...(splits.get(split) ?? []), ...found]);
  }
  return splits;
}

function patternsOf(given: unknown): [string, string[]][] {
  const list = (value: unknown): string[] => (Array.isArray(value) ? value : [value]).map(String);
  if (typeof given === 'string') return [['train', [given]]];
  if (!Array.isArray(given))
    throw new SplitProblem('its card has data_files that are not understood');
  return given.map((each: unknown) =>
    typeof each === 'string'
      ? ['train', [each]]
      : [String((each as Card).split ?? 'train'), list((each as Card).path)],
  );
}

/** Paths that match a pattern of `*`, `**` and `?`. */
function matching(paths: readonly string[], pattern: string): string[] {
  if (/[[\]{}!]/.test(pattern))
    throw new SplitProblem(`its card has the pattern ${pattern}, which is not understood`);
  const source = pattern
    .replace(/^\.\//, '')
    .replace(/[.+^$()|\\]/g, '\\$&')
    .replace(
      /\*\*\/|\*\*|\*|\?/g,
      (part) => ({ '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*' })[part] ?? '[^/]',
    );
  const expression = new RegExp(`^${source}$`);
  return paths.filter((path) => expression.test(path));
}

function namedSplits(paths: readonly string[], config: string | null): Splits {
  if (config !== null && config !== 'default') {
    throw new SplitProblem(`its card lists no configurations, and dataset_config is ${config}`);
  }
  const candidates = paths.filter((path) => kindOf(path) !== null && !about.test(path));
  const sharded = candidates.flatMap((path): [string, string][] => {
    const [, name] = /^data\/([\w.]+)-\d{5,}-of-\d{5,}[^/]*$/.exec(path) ?? [];
    return name === undefined ? [] : [[name, path]];
  });
  if (sharded.length > 0) return grouped(sharded);
  const named = candidates.flatMap((path) =>
    Object.entries(keywords)
      .filter(([, words]) => new RegExp(`(^|[-._ 0-9/])(${words})([-._ 0-9/]|$)`).test(path))
      .slice(0, 1)
      .map(([name]): [string, string] => [name, path]),
  );
  return named.length > 0 ? grouped(named) : new Map([['train', candidates]]);
}

function grouped(pairs: readonly [string, string][]): Splits {
  const splits: Splits = new Map();
  for (const [name, path] of pairs) splits.set(name, [...(splits.get(name) ?? []), path]);
  return splits;
}
