import { entryError, unknownKey } from '../config/entry.ts';
import { table } from '../config/table.ts';
import { translate } from '../config/trl.ts';
import { resolveConfig } from '../config.ts';
import { AttuneError } from '../errors.ts';
import { evaluateConfig } from '../train/evaluate.ts';
import { accountingLines } from '../train/format.ts';
import { readWords } from './keys.ts';
import { printJson } from './report.ts';
import { interruptSignal } from './signals.ts';

const KEYS = [
  'model',
  'adapter',
  'dtype',
  'device',
  'tf32',
  'maxLength',
  'truncationMode',
  'completionOnlyLoss',
  'assistantOnlyLoss',
  'rolesToTrain',
  'maskHistory',
  'trainOnEos',
  'datasetTextField',
  'formattingFunc',
  'modelRevision',
  'chatTemplate',
  'chatTemplatePath',
  'datasetNumProc',
  'onBadRow',
];

/** `attune eval`: one JSON object on stdout. */
export async function evaluate(words: string[]): Promise<void> {
  const { entries } = await readWords(words, ['json']);
  const keys = entries.map((at) => (at.name === 'data' ? { ...at, name: 'trainFile' } : at));
  for (const at of translate(keys).entries) {
    if (at.name === 'trainFile' || KEYS.includes(at.name)) continue;
    throw Object.hasOwn(table, at.name)
      ? entryError(at, 'is a key of train, and none of eval')
      : unknownKey(at, ['data']);
  }
  if (!keys.some((at) => at.name === 'trainFile')) {
    throw new AttuneError('config', '--data: is required');
  }
  const { config, notes } = resolveConfig(keys);
  for (const note of notes) process.stderr.write(`note: ${note}\n`);
  const signal = interruptSignal('stopping');
  let next = 0;
  const { accounting, ...found } = await evaluateConfig(config, signal, (tokens) => {
    if (performance.now() < next) return;
    next = performance.now() + 1000;
    process.stderr.write(`evaluated ${tokens} tokens\n`);
  });
  for (const line of accountingLines(accounting, 'evaluated').slice(0, -1))
    process.stderr.write(`${line}\n`);
  await printJson(found);
}
