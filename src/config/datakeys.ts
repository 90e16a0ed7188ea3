import { exported } from './exported.ts';
import { key } from './key.ts';
import * as kind from './kinds.ts';

const { text, names, truth, files, integer, choice, falseOr, orNull } = kind;

/** The keys that say how data is read. */
export const dataKeys = {
  trainFile: key(
    'data',
    files,
    [],
    'Training data: .jsonl .json .csv .parquet .txt files, .gz too, directories, - for standard input; FILE:0.5 uses half of the rows',
  ),
  evalFile: key('data', files, [], 'Data to evaluate on while training'),
  dataset: key('data', orNull(text), null, 'Data set of the Hugging Face hub, by its id'),
  datasetConfig: key(
    'data',
    orNull(text),
    null,
    'Configuration of the data set; null: its default',
  ),
  datasetTrainSplit: key('data', text, 'train', 'Split of the data set to train on'),
  datasetTestSplit: key('data', text, 'test', 'Split to evaluate on where there is no eval_file'),
  formattingFunc: key(
    'data',
    orNull(exported),
    null,
    'Module, as path#export, with a function that makes rows of what the files hold',
  ),
  datasetTextField: key('data', text, 'text', 'Column of plain text'),
  maxLength: key(
    'data',
    orNull(integer(2)),
    1024,
    'Longest document in tokens, and row length when packing; null: no limit',
  ),
  truncationMode: key(
    'data',
    choice('keep_start', 'keep_end'),
    'keep_start',
    'Which end of a document over max_length stays',
  ),
  packing: key(
    'data',
    falseOr('bfd', 'bfd_split', 'wrapped'),
    false,
    'Join documents into rows of max_length',
  ),
  datasetBatchSize: key(
    'data',
    orNull(integer(1)),
    1000,
    'Rows of data that are packed together; null: all of them, which waits until all are tokenized',
  ),
  completionOnlyLoss: key(
    'data',
    orNull(truth),
    null,
    'Train the completion alone; null: where rows have prompt and completion',
  ),
  assistantOnlyLoss: key(
    'data',
    orNull(truth),
    null,
    'Train the assistant’s turns alone; null: where rows are conversations',
  ),
  rolesToTrain: key(
    'data',
    names,
    ['assistant'],
    'Roles whose turns are trained; a message’s own "train" or "weight" wins',
  ),
  maskHistory: key('data', truth, false, 'Train only the last of these turns'),
  trainOnEos: key(
    'data',
    choice('turn', 'last', 'all', 'none'),
    'turn',
    'Ends of turns that are trained: of each trained turn, of the last, every EOS, or none',
  ),
  chatTemplate: key(
    'data',
    orNull(text),
    null,
    'Chat template by name (chatml, llama-3 …) in place of the tokenizer’s',
  ),
  chatTemplatePath: key(
    'data',
    orNull(text),
    null,
    'Jinja file that replaces the tokenizer’s chat template',
  ),
  shuffle: key(
    'data',
    orNull(truth),
    null,
    'false is the same as train_sampling_strategy sequential',
  ),
  trainSamplingStrategy: key(
    'data',
    choice('random', 'sequential', 'group_by_length'),
    'random',
    'Order of the rows',
  ),
  onBadRow: key(
    'data',
    choice('error', 'skip'),
    'error',
    'What is done about a row that cannot be trained on: end, or leave it out, count it and write it to quarantine.jsonl',
  ),
  datasetStreaming: key(
    'data',
    truth,
    false,
    'Read the files window by window, for data larger than memory; needs max_steps',
  ),
  datasetCache: key(
    'data',
    truth,
    true,
    'Take rows that an earlier run tokenized, and leave them to later ones',
  ),
  datasetNumProc: key(
    'data',
    orNull(integer(1)),
    null,
    'Threads that tokenize; null: chosen by the number of cores',
  ),
} as const;
