import { type Entry, entryError, shown } from './entry.ts';
import { type KeyName, snakeCase, table } from './table.ts';

/** Other names of the same key. */
export const RENAMED: Readonly<Record<string, KeyName>> = {
  modelNameOrPath: 'model',
  adapterNameOrPath: 'adapter',
  datasetName: 'dataset',
  torchDtype: 'dtype',
  maxSeqLength: 'maxLength',
  evaluationStrategy: 'evalStrategy',
  loraTargetModule: 'loraTargetModules',
  warmupRatio: 'warmupSteps',
};

const PLANNED = 'memory is planned by the engine';
const ISOLATED = 'rows are never padded and documents never see each other';
const INDEPENDENT = 'evaluation is weighted by tokens, whatever the batches are';
const ADAMW = 'AdamW is the optimizer';

/** TRL's keys that mean nothing here, with the reason that is printed. */
const MEANINGLESS: Readonly<Record<string, string>> = {
  gradientCheckpointing: PLANNED,
  gradientCheckpointingKwargs: PLANNED,
  activationOffloading: PLANNED,
  autoFindBatchSize: PLANNED,
  torchEmptyCacheSteps: PLANNED,
  useLigerKernel: 'the loss is always fused with the head',
  attnImplementation: 'attention has one implementation',
  torchCompile: 'the engine is compiled',
  tf32: 'the engine chooses its products',
  paddingFree: ISOLATED,
  padToMultipleOf: ISOLATED,
  padToken: ISOLATED,
  evalPacking: INDEPENDENT,
  perDeviceEvalBatchSize: INDEPENDENT,
  evalAccumulationSteps: INDEPENDENT,
  bf16FullEval: INDEPENDENT,
  averageTokensAcrossDevices: 'the loss is always divided by the tokens of the whole step',
  optim: ADAMW,
  loggingNanInfFilter: 'NaN is written as it is',
  loggingStrategy: 'logging_steps says when',
  loggingFirstStep: 'logging_steps says when',
  loggingDir: 'metrics.jsonl lies in output_dir',
  runName: 'metrics.jsonl lies in output_dir',
  includeNumInputTokensSeen: 'num_tokens is always written',
  loraTaskType: 'the adapter is for causal language models',
  useBnbNestedQuant: 'nothing is quantised',
  bnb4bitQuantType: 'nothing is quantised',
  bnb4bitQuantStorage: 'nothing is quantised',
  datasetKwargs: 'pre-tokenized rows are recognised',
  dataSeed: 'seed is the seed of the order too',
  fullDeterminism: 'runs are deterministic',
  trustRemoteCode: 'no code of a checkpoint is run',
  removeUnusedColumns: 'columns without meaning are not read',
  dataloaderNumWorkers: 'dataset_num_proc sets the threads',
  dataloaderPinMemory: 'batches are flat arrays',
  dataloaderDropLast: 'the last batch is trained',
  ddpFindUnusedParameters: 'one process trains',
  doTrain: 'the verb says what to do',
  doEval: 'the verb says what to do',
  overwriteOutputDir: 'results replace earlier ones',
  disableTqdm: 'progress is plain where stderr is no terminal',
  logLevel: 'messages have one level',
  modelRevision: 'the model is a directory',
  datasetTrainSplit: 'train_file names the data',
  datasetTestSplit: 'eval_file names the data',
  datasetStreaming: 'files are always streamed',
  saveOnlyModel: 'save_strategy is no',
  saveSafetensors: 'safetensors is the format',
};

/** TRL's switches for features that are not built: null or false is fine, anything else refused. */
const UNBUILT: Readonly<Record<string, string>> = {
  fp16: 'training in float16 is not built; use bf16',
  loadIn4bit: 'quantised weights are not built yet',
  loadIn8bit: 'quantised weights are not built yet',
  eosToken: 'another EOS token than the tokenizer’s is not built yet',
  pushToHub: 'uploads to the hub are not built yet',
  loadBestModelAtEnd: 'checkpoints during a run are not built yet',
  evalOnStart: 'evaluation before training is not built yet; use the eval verb',
  deepspeed: 'training on several devices is not built yet',
  fsdp: 'training on several devices is not built yet',
  modelInitKwargs: 'settings for loading the model are not built; use dtype',
};

/** Names that are understood besides those of the table. */
export const trlNames: readonly string[] = [
  ...Object.keys(RENAMED),
  ...Object.keys(MEANINGLESS),
  ...Object.keys(UNBUILT),
  'bf16',
  'usePeft',
  'packingStrategy',
  'shuffleDataset',
];

/** TRL's spellings as keys of the table, and a line for each key without meaning here. */
export function translate(entries: readonly Entry[]): { entries: Entry[]; notes: string[] } {
  const notes: string[] = [];
  const out: Entry[] = [];
  const strategy = entries.findLast(({ name }) => name === 'packingStrategy');
  for (const at of entries) {
    const { name, value } = at;
    const as = (key: KeyName, translated: unknown) =>
      out.push({ ...at, name: key, value: translated });
    const reason = Object.hasOwn(MEANINGLESS, name) ? MEANINGLESS[name] : undefined;
    // transformers writes both spellings of the warm-up when it dumps a configuration.
    if (name === 'warmupRatio' && value === 0) continue;
    if (Object.hasOwn(table, name)) out.push(special(at, strategy));
    else if (Object.hasOwn(RENAMED, name))
      out.push(special({ ...at, name: RENAMED[name]! }, strategy));
    else if (name === 'bf16') as('dtype', truth(at) ? 'bfloat16' : 'float32');
    else if (name === 'usePeft') as('method', truth(at) ? 'lora' : 'full');
    else if (name === 'shuffleDataset') as('shuffle', truth(at) ? true : null);
    else if (name === 'packingStrategy') checkStrategy(at);
    else if (name === 'optim' && !/^adamw_torch(_fused)?$/.test(String(value))) {
      throw entryError(at, `${shown(value)} is not built; use adamw_torch`);
    } else if (Object.hasOwn(UNBUILT, name)) refuseUnbuilt(at);
    else if (reason !== undefined) notes.push(`${at.label} has no meaning here: ${reason}`);
    else out.push(at);
  }
  return { entries: out, notes };
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
  if (['bfd', 'bfd_split', 'wrapped'].includes(at.value as string)) return;
  throw entryError(at, `expected one of bfd, bfd_split, wrapped, received ${shown(at.value)}`);
}

function refuseUnbuilt(at: Entry): void {
  const off: unknown[] = [null, false, '', 'false', 'null'];
  if (!off.includes(at.value)) throw entryError(at, UNBUILT[at.name] ?? snakeCase(at.name));
}
