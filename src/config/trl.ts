import { type Entry, entryError, shown } from './entry.ts';
import { type KeyName, snakeCase, table } from './table.ts';
import { MEANINGLESS, UNBUILT } from './trlkeys.ts';

/** Other names of the same key. */
export const RENAMED: Readonly<Record<string, KeyName>> = {
  modelNameOrPath: 'model',
  adapterNameOrPath: 'adapter',
  datasetName: 'dataset',
  formatting: 'formattingFunc',
  loadFromCacheFile: 'datasetCache',
  torchDtype: 'dtype',
  maxSeqLength: 'maxLength',
  evaluationStrategy: 'evalStrategy',
  loraTargetModule: 'loraTargetModules',
  warmupRatio: 'warmupSteps',
};

/** Names besides those of the table that somebody may have meant. */
export const trlNames: readonly string[] = [
  ...Object.keys(RENAMED),
  ...Object.keys(UNBUILT),
  'bf16',
  'usePeft',
  'useCpu',
  'noCuda',
  'packingStrategy',
  'shuffleDataset',
  'groupByLength',
  'streaming',
];

/** TRL's spellings as keys of the table, and a line for each key without meaning here. */
export function translate(entries: readonly Entry[]): { entries: Entry[]; notes: string[] } {
  const notes: string[] = [];
  const out: Entry[] = [];
  const strategy = entries.findLast(({ name }) => name === 'packingStrategy');
  for (const at of entries) {
    if (overruled(at, entries)) {
      if (at.value === 'float32') notes.push(`${at.label} gives way to bf16`);
      continue;
    }
    const { name, value } = at;
    const as = (key: KeyName, translated: unknown) =>
      out.push({ ...at, name: key, value: translated });
    const reason = Object.hasOwn(MEANINGLESS, name) ? MEANINGLESS[name] : undefined;
    if (Object.hasOwn(table, name)) out.push(special(at, strategy));
    else if (Object.hasOwn(RENAMED, name))
      out.push(special({ ...at, name: RENAMED[name]! }, strategy));
    else if (SWITCHES.includes(name) && value === null) continue;
    else if (name === 'bf16') as('dtype', truth(at) ? 'bfloat16' : 'float32');
    else if (name === 'usePeft') as('method', truth(at) ? 'lora' : 'full');
    else if (name === 'useCpu' || name === 'noCuda') {
      if (truth(at)) as('device', 'cpu');
    } else if (name === 'shuffleDataset') as('shuffle', truth(at) ? true : null);
    else if (name === 'streaming') {
      if (truth(at)) as('datasetStreaming', true);
    } else if (name === 'groupByLength') {
      if (truth(at)) as('trainSamplingStrategy', 'group_by_length');
    } else if (name === 'packingStrategy') checkStrategy(at);
    else if (name === 'optim' && !/^adamw_torch(_fused)?$/.test(String(value))) {
      throw entryError(at, `${shown(value)} is not built; use adamw_torch`);
    } else if (Object.hasOwn(UNBUILT, name)) refuseUnbuilt(at);
    else if (reason !== undefined) notes.push(`${at.label} has no meaning here: ${reason}`);
    else out.push(at);
  }
  return { entries: out, notes };
}

/** True or false; null is as if they were not there. */
const SWITCHES: readonly string[] = [
  'bf16',
  'usePeft',
  'useCpu',
  'noCuda',
  'shuffleDataset',
  'groupByLength',
  'streaming',
];

/**
 * Pairs of keys that TRL users write together, where this one gives way. bf16 true is how TRL
 * computes, whatever type the weights are loaded in; a warm-up in steps wins over a share.
 */
function overruled(at: Entry, entries: readonly Entry[]): boolean {
  const given = (...names: string[]) =>
    entries.find(({ name, source }) => source === at.source && names.includes(name));
  switch (at.name) {
    case 'dtype':
    case 'torchDtype':
      return isTrue(given('bf16')?.value);
    case 'bf16':
      return given('dtype', 'torchDtype') !== undefined && !isTrue(at.value);
    case 'warmupSteps':
      return !isPositive(at.value) && isPositive(given('warmupRatio')?.value);
    case 'warmupRatio':
      return at.value === 0 || isPositive(given('warmupSteps')?.value);
    default:
      return false;
  }
}

function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}

function isPositive(value: unknown): boolean {
  return Number(value) > 0;
}

/** Values that TRL spells otherwise than the table does. */
function special(at: Entry, strategy: Entry | undefined): Entry {
  const { name, value } = at;
  if (name === 'packing' && value === true) return { ...at, value: strategy?.value ?? 'bfd' };
  if (name === 'dtype' && value === 'auto') return { ...at, value: null };
  if (name === 'lossType' && value === 'chunked_nll') return { ...at, value: 'nll' };
  if (name === 'reportTo' && Array.isArray(value) && value.length < 2) {
    return { ...at, value: value[0] ?? 'none' };
  }
  if (name === 'resumeFromCheckpoint' && typeof value === 'boolean') {
    return { ...at, value: value ? 'auto' : null };
  }
  if (name === 'lrSchedulerKwargs' && typeof value === 'string') {
    return { ...at, value: table.lrSchedulerKwargs.kind.fromText(value) };
  }
  return at;
}

function truth(at: Entry): boolean {
  const value = at.source === 'flag' ? table.useRslora.kind.fromText(String(at.value)) : at.value;
  if (typeof value === 'boolean') return value;
  throw entryError(at, `expected true or false, received ${shown(at.value)}`);
}

function checkStrategy(at: Entry): void {
  if ([null, 'bfd', 'bfd_split', 'wrapped'].includes(at.value as string | null)) return;
  throw entryError(at, `expected one of bfd, bfd_split, wrapped, received ${shown(at.value)}`);
}

function refuseUnbuilt(at: Entry): void {
  const off: unknown[] = [null, false, 0, '', 'false', 'null', '0'];
  const { value } = at;
  const empty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  if (!off.includes(value) && !empty) throw entryError(at, UNBUILT[at.name] ?? snakeCase(at.name));
}
